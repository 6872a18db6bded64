"""Message-IDs that name their delivery: the same ids give the same Message-ID, and it can be read back from a vendor's event."""

import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from .tokens import DeliveryIds

IDS = struct.Struct(">16s16s16sI")
# 52 bytes in base64url; underscores and hyphens are legal on the left of a Message-ID.
WRITTEN = re.compile(r"<?([A-Za-z0-9_-]{70})@[A-Za-z0-9.-]{1,253}>?", re.ASCII)


def message_id(delivery: DeliveryIds, *, domain: str) -> str:
    """`<…@domain>`; `domain` is a host name."""
    ids = IDS.pack(delivery.workspace_id.bytes, delivery.message_id.bytes, delivery.contact_id.bytes, delivery.occurrence)
    return f"<{urlsafe_b64encode(ids).rstrip(b'=').decode('ascii')}@{domain}>"


def read_message_id(written: str) -> DeliveryIds | None:
    """The delivery that a Message-ID names; None for others' Message-IDs. It is not signed: trust it as far as its bearer."""
    found = WRITTEN.fullmatch(written.strip())
    if found is None:
        return None
    workspace, message, contact, occurrence = IDS.unpack(urlsafe_b64decode(found[1] + "=="))
    return DeliveryIds(UUID(bytes=workspace), UUID(bytes=message), UUID(bytes=contact), occurrence)
