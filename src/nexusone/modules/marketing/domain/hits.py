"""Hits on tracking addresses: what one is, how it is written down compactly, and which are not people."""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from .tokens import DeliveryIds

# id, workspace, message, contact, occurrence, kind, is_machine, link, microseconds since 1970, hashed address.
RECORD = struct.Struct(">16s16s16s16sIBBHq16s")
USER_AGENT_LENGTH_MAX = 300
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Names that programs give themselves. Image proxies of mailbox providers are not among them: they fetch when a person reads.
# A phone is called Cubot. Libraries such as curl are not either: integrations and tests follow links with them on a person's behalf.
ROBOT = re.compile(
    r"(?<!cu)bots?\b|crawl|spider|slurp|preview|scanner|prefetch|facebookexternalhit|facebot|whatsapp|embedly|quora link"
    r"|bingpreview|safelinks|proofpoint|mimecast|barracuda|symantec|trendmicro|headlesschrome|phantomjs|lighthouse|monitoring|uptime",
    re.IGNORECASE,
)
PREFETCH_HEADERS = ("sec-purpose", "purpose", "x-purpose", "x-moz")
PREFETCH = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


class HitKind(IntEnum):
    """What was asked for."""

    OPEN = 1
    CLICK = 2


@dataclass(frozen=True, slots=True)
class Visit:
    """Who came, as far as the request says; `ip_hash` is 16 bytes that lead back to nobody without the deployment's key."""

    user_agent: str
    is_machine: bool
    ip_hash: bytes


@dataclass(frozen=True, slots=True)
class Hit:
    """One visit to a tracking address. `link` counts for clicks only."""

    id: UUID
    kind: HitKind
    delivery: DeliveryIds
    link: int
    occurred_at: datetime
    visit: Visit

    def pack(self) -> bytes:
        """At most 1.4 KiB, read back by `unpack`."""
        ids, visit = self.delivery, self.visit
        moment = (self.occurred_at - EPOCH) // timedelta(microseconds=1)
        fixed = RECORD.pack(
            self.id.bytes,
            ids.workspace_id.bytes,
            ids.message_id.bytes,
            ids.contact_id.bytes,
            ids.occurrence,
            self.kind,
            visit.is_machine,
            self.link,
            moment,
            visit.ip_hash,
        )
        return fixed + visit.user_agent.encode()


def unpack(record: bytes) -> Hit:
    """The hit that `pack` wrote."""
    hit_id, workspace, message, contact, occurrence, kind, is_machine, link, moment, ip_hash = RECORD.unpack_from(record)
    return Hit(
        id=UUID(bytes=hit_id),
        kind=HitKind(kind),
        delivery=DeliveryIds(UUID(bytes=workspace), UUID(bytes=message), UUID(bytes=contact), occurrence),
        link=link,
        occurred_at=EPOCH + timedelta(microseconds=moment),
        visit=Visit(record[RECORD.size :].decode(), bool(is_machine), ip_hash),
    )


def is_machine(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request was surely not made by a person reading: HEAD, a prefetch, a program that says so."""
    is_ahead_of_time = any(PREFETCH.search(headers.get(name, "")) for name in PREFETCH_HEADERS)
    return method == "HEAD" or is_ahead_of_time or ROBOT.search(headers.get("user-agent", "")) is not None


def written_user_agent(value: str) -> str:
    """A User-Agent as it is stored: printable, at most 300 characters."""
    return CONTROL.sub("", value)[:USER_AGENT_LENGTH_MAX]
