"""API keys in text form: kind, workspace, own id, secret, and a checksum that tells a slip of the pen from a wrong key."""

import re
import zlib
from typing import Literal
from uuid import UUID

from nexusone.modules.identity.domain.credentials import SecretReference, digest_of

KeyMode = Literal["test", "live"]

API_KEY = re.compile(r"^(nx_(test|live)_([0-9a-f]{32})([0-9a-f]{32})_([A-Za-z0-9_-]{43}))_([0-9a-f]{8})\Z")


def write_api_key(*, mode: KeyMode, workspace_id: UUID, key_id: UUID, secret: str) -> str:
    """The text of an API key: `nx_<mode>_<workspace><id>_<secret>_<CRC-32>`."""
    text = f"nx_{mode}_{workspace_id.hex}{key_id.hex}_{secret}"
    return f"{text}_{_checksum(text)}"


def read_api_key(text: str) -> tuple[KeyMode, SecretReference] | None:
    """The kind and the reference of an API key, or None for anything else and for a key with a slip in it."""
    found = API_KEY.match(text)
    if found is None or _checksum(found[1]) != found[6]:
        return None
    mode: KeyMode = "live" if found[2] == "live" else "test"
    return mode, SecretReference(UUID(found[3]), UUID(found[4]), digest_of(found[5]))


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
