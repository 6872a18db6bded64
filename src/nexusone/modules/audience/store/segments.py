"""SQL of segments, and of the contacts that are in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.modules.audience.store.segment_relation import Relation
from nexusone.modules.audience.store.sharing import VISIBLE
from nexusone.modules.identity.api import Asker
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, join, sql

INSERT_SEGMENT = sql("""
insert into audience.segment (workspace_id, id, name, definition, created_at, updated_at)
values (%(workspace_id)s, %(id)s, %(name)s, %(definition)s, %(now)s, %(now)s)
""")

FIND_SEGMENT = sql("""
select id, name, definition, version, created_at, updated_at
from audience.segment where workspace_id = %(workspace_id)s and id = %(id)s
""")

LOCK_SEGMENT = sql("""
select id, name, definition, version, created_at, updated_at
from audience.segment where workspace_id = %(workspace_id)s and id = %(id)s
for update
""")

GET_MANY_SEGMENTS = fragment("""
select id, name, definition, version, created_at, updated_at
from audience.segment where workspace_id = %(workspace_id)s and id = any(%(ids)s) and {visible}
""").fill(visible=VISIBLE)

LIST_SEGMENTS = fragment("""
select id, name, definition, version, created_at, updated_at
from audience.segment
where workspace_id = %(workspace_id)s and id < %(before)s and {visible}
order by id desc
limit %(limit)s
""").fill(visible=VISIBLE)

UPDATE_SEGMENT = sql("""
update audience.segment
set name = %(name)s, definition = %(definition)s, version = version + 1, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

DELETE_SEGMENT = sql("""
delete from audience.segment
where workspace_id = %(workspace_id)s and id = %(id)s and (%(version)s::bigint is null or version = %(version)s)
""")

_COUNT = fragment("select {counts} from audience.contact c where c.workspace_id = %(workspace_id)s")
_COUNT_ONE = fragment("select count(*) from audience.contact c where c.workspace_id = %(workspace_id)s and {where}")
_COUNTED = fragment("count(*) filter (where {where})")


class SegmentRow(NamedTuple):
    """One segment; `definition` is its JSON form."""

    id: UUID
    name: str
    definition: dict[str, object]
    version: int
    created_at: datetime
    updated_at: datetime


async def insert_segment(tx: Transaction, segment: SegmentRow, *, workspace_id: UUID) -> None:
    """A new segment."""
    parameters = {"workspace_id": workspace_id, "id": segment.id, "name": segment.name, "now": segment.created_at}
    await tx.execute(INSERT_SEGMENT, {**parameters, "definition": Jsonb(segment.definition)})


async def find_segment(tx: Transaction, *, workspace_id: UUID, segment_id: UUID, is_locked: bool = False) -> SegmentRow | None:
    """A segment, locked against other changes if `is_locked`."""
    statement = LOCK_SEGMENT if is_locked else FIND_SEGMENT
    return await tx.find_one(SegmentRow, statement, {"workspace_id": workspace_id, "id": segment_id})


async def get_many_segments(tx: Transaction, *, workspace_id: UUID, segment_ids: Sequence[UUID], asker: Asker) -> list[SegmentRow]:
    """Those of the segments that there are and that the asker may see, in no order."""
    parameters = {"workspace_id": workspace_id, "ids": list(segment_ids), **asker.parameters}
    return await tx.fetch_all(SegmentRow, GET_MANY_SEGMENTS, parameters)


async def list_segments(tx: Transaction, *, workspace_id: UUID, before: UUID, limit: int, asker: Asker) -> list[SegmentRow]:
    """Segments with ids below `before` that the asker may see, newest first."""
    parameters = {"workspace_id": workspace_id, "before": before, "limit": limit, **asker.parameters}
    return await tx.fetch_all(SegmentRow, LIST_SEGMENTS, parameters)


async def update_segment(
    tx: Transaction, *, workspace_id: UUID, segment_id: UUID, name: str, definition: dict[str, object], now: datetime
) -> None:
    """Writes name and definition, and counts the version up."""
    parameters = {"workspace_id": workspace_id, "id": segment_id, "name": name, "now": now}
    await tx.execute(UPDATE_SEGMENT, {**parameters, "definition": Jsonb(definition)})


async def delete_segment(tx: Transaction, *, workspace_id: UUID, segment_id: UUID, version: int | None) -> bool:
    """Deletes a segment, of that version if one is named; False if there was none."""
    return await tx.execute(DELETE_SEGMENT, {"workspace_id": workspace_id, "id": segment_id, "version": version}) == 1


async def count_contacts(tx: Transaction, relation: Relation, *, workspace_id: UUID) -> int:
    """How many contacts are in the segment."""
    statement = _COUNT_ONE.fill(where=relation.where)
    return await tx.fetch_value(int, statement, {"workspace_id": workspace_id, **relation.parameters})


async def count_contacts_of_many(tx: Transaction, relations: Sequence[Relation], *, workspace_id: UUID) -> list[int]:
    """The same for several segments in one pass over the contacts; their parameters must have different names."""
    parameters: dict[str, object] = {"workspace_id": workspace_id}
    for relation in relations:
        parameters.update(relation.parameters)
    counts = join(", ", (_COUNTED.fill(where=relation.where) for relation in relations))
    return list((await tx.fetch_tuples(_COUNT.fill(counts=counts), parameters))[0])
