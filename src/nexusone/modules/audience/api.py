"""How other modules ask audience. Each function opens its own transaction."""

from typing import Literal
from uuid import UUID

from pydantic import JsonValue, ValidationError

from nexusone.modules.audience.domain.segments import parse_definition
from nexusone.modules.audience.service import consent, room, segments
from nexusone.modules.audience.service.refusals import SegmentNotFound
from nexusone.modules.audience.store.segment_relation import Relation as SegmentRelation
from nexusone.platform.runtime import Context

__all__ = [
    "SegmentNotFound",
    "SegmentRelation",
    "compile_segment",
    "count_contacts",
    "count_segment",
    "definition_faults",
    "record_unsubscribe",
]

FAULTS_MAX = 10


async def compile_segment(ctx: Context, *, segment_id: UUID) -> SegmentRelation:
    """Who is in the segment: `where` over one row `c` of `audience.contact_v1`, never NULL, with its `parameters` (`segment_<n>`).

    Raises:
        SegmentNotFound: there is none.
    """
    return await segments.compile_segment(ctx, segment_id=segment_id)


async def count_segment(ctx: Context, *, segment_id: UUID) -> int:
    """How many contacts the segment has now.

    Raises:
        SegmentNotFound: there is none.
    """
    return await segments.count_segment(ctx, segment_id=segment_id)


def definition_faults(definition: JsonValue) -> tuple[str, ...]:
    """What keeps JSON from being a segment's definition, in sentences; empty where it is one. Nothing is saved."""
    try:
        parse_definition(definition)
    except ValidationError as invalid:
        faults = invalid.errors(include_url=False, include_context=False, include_input=False)[:FAULTS_MAX]
        return tuple(f"definition/{'/'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    return ()


async def record_unsubscribe(ctx: Context, *, contact_id: UUID, channel: Literal["email"], source: str, reason: str | None) -> bool:
    """Ends a contact's subscription and suppresses its address; False if it had ended before or there is no such contact."""
    return await consent.record_unsubscribe(ctx, contact_id=contact_id, channel=channel, source=source, reason=reason)


async def count_contacts(ctx: Context) -> int:
    """How many contacts the workspace has."""
    return await room.count_contacts(ctx)
