"""SQL of edits and dispositions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT = sql("""
insert into ai.generation_edit (workspace_id, generation_id, number, output, diff, edited_by, edited_at)
values (%(workspace_id)s, %(generation_id)s, %(number)s, %(output)s, %(diff)s, %(edited_by)s, %(edited_at)s)
""")

NOTE_EDIT = sql("""
update ai.generation
set edits = %(number)s, is_human_edited = is_human_edited or %(is_changed)s, edited_by = %(edited_by)s, edited_at = %(edited_at)s
where workspace_id = %(workspace_id)s and id = %(generation_id)s
""")

DISPOSE = sql("""
update ai.generation set disposition = %(disposition)s, disposed_by = %(disposed_by)s, disposed_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(generation_id)s
""")

LATEST = sql("""
select number, output, diff, edited_by, edited_at
from ai.generation_edit
where workspace_id = %(workspace_id)s and generation_id = %(generation_id)s
order by number desc
limit 1
""")

LIST = sql("""
select number, output, diff, edited_by, edited_at
from ai.generation_edit
where workspace_id = %(workspace_id)s and generation_id = %(generation_id)s and (%(after)s::integer is null or number < %(after)s)
order by number desc
limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class EditRow:
    """One edit; `output` is JSON where the generation's is."""

    number: int
    output: str
    diff: str
    edited_by: str
    edited_at: datetime


async def insert(tx: Transaction, row: EditRow, *, workspace_id: UUID, generation_id: UUID) -> None:
    """An edit, noted on its generation."""
    parameters = {"workspace_id": workspace_id, "generation_id": generation_id, "number": row.number}
    who = {"edited_by": row.edited_by, "edited_at": row.edited_at}
    await tx.execute(INSERT, {**parameters, **who, "output": row.output, "diff": row.diff})
    await tx.execute(NOTE_EDIT, {**parameters, **who, "is_changed": row.diff != ""})


async def dispose(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, disposition: str, disposed_by: str, now: datetime) -> None:
    """Notes what became of a generation."""
    parameters = {"workspace_id": workspace_id, "generation_id": generation_id, "now": now}
    await tx.execute(DISPOSE, {**parameters, "disposition": disposition, "disposed_by": disposed_by})


async def find_latest(tx: Transaction, *, workspace_id: UUID, generation_id: UUID) -> EditRow | None:
    """The last edit, if any."""
    return await tx.find_one(EditRow, LATEST, {"workspace_id": workspace_id, "generation_id": generation_id})


async def list_page(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, after: int | None, limit: int) -> list[EditRow]:
    """Edits, newest first."""
    parameters = {"workspace_id": workspace_id, "generation_id": generation_id, "after": after, "limit": limit}
    return await tx.fetch_all(EditRow, LIST, parameters)
