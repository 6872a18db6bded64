"""Segments: defining them, and what they mean in SQL."""

from collections.abc import Sequence
from uuid import UUID

from nexusone.kernel.errors import FieldError, PreconditionFailed, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.audience.contracts import NewSegment, Segment, SegmentChange, SegmentCount, SegmentPreview
from nexusone.modules.audience.domain.segments import dump_definition, stored_definition
from nexusone.modules.audience.events import SegmentCreated, SegmentDeleted, SegmentUpdated
from nexusone.modules.audience.service.refusals import SegmentNotFound, SegmentReadOnly
from nexusone.modules.audience.store import segments
from nexusone.modules.audience.store.segment_relation import Relation, segment_relation
from nexusone.modules.audience.store.segments import SegmentRow
from nexusone.modules.audience.store.sharing import find_access
from nexusone.modules.identity.api import asker_of, forget_grants
from nexusone.modules.identity.contracts.grants import Level, ObjectKind
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

KIND: ObjectKind = "segment"
LAST_ID = UUID(int=2**128 - 1)


async def create_segment(ctx: Context, *, wanted: NewSegment) -> Segment:
    """Defines a segment."""
    now = ctx.now()
    row = SegmentRow(new_id(), wanted.name, dump_definition(wanted.definition), version=1, created_at=now, updated_at=now)
    made = _segment(row)
    async with ctx.transaction("audience") as tx:
        await segments.insert_segment(tx, row, workspace_id=ctx.workspace)
        await publish(tx, SegmentCreated(segment_id=row.id))
        await conclude(tx, made)
    return made


async def get_segment(ctx: Context, *, segment_id: UUID) -> Segment:
    """A segment.

    Raises:
        SegmentNotFound: there is none.
    """
    async with ctx.transaction("audience") as tx:
        return _segment(await _get(ctx, tx, segment_id))


async def list_segments(ctx: Context, *, request: PageRequest) -> PageOf[Segment]:
    """Segments, newest first."""
    before = UUID(request.after[0]) if request.after else LAST_ID
    async with ctx.transaction("audience") as tx:
        rows = await segments.list_segments(
            tx, workspace_id=ctx.workspace, before=before, limit=request.limit + 1, asker=asker_of(ctx.principal, object_kind=KIND)
        )
    items = tuple(_segment(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def change_segment(ctx: Context, *, segment_id: UUID, change: SegmentChange, version: int | None) -> Segment:
    """Renames a segment or defines it anew; `version`: only if it is at that version.

    Raises:
        SegmentNotFound: there is none.
        PreconditionFailed: it is at another version.
        Unprocessable: name or definition would be removed.
    """
    removed = [field for field in sorted(change.model_fields_set) if getattr(change, field) is None]
    if removed:
        faults = tuple(FieldError(pointer=f"/{field}", code="required", detail="a segment cannot be without it") for field in removed)
        raise Unprocessable(errors=faults, count=len(faults))
    now = ctx.now()
    async with ctx.transaction("audience") as tx:
        row = await _get(ctx, tx, segment_id, is_locked=True, level="edit")
        if version is not None and version != row.version:
            raise PreconditionFailed(version=row.version)
        if not change.model_fields_set:
            return _segment(row)
        definition = dump_definition(change.definition) if change.definition is not None else row.definition
        changed = row._replace(name=change.name or row.name, definition=definition, version=row.version + 1, updated_at=now)
        await segments.update_segment(
            tx, workspace_id=ctx.workspace, segment_id=segment_id, name=changed.name, definition=definition, now=now
        )
        await publish(tx, SegmentUpdated(segment_id=segment_id))
    return _segment(changed)


async def delete_segment(ctx: Context, *, segment_id: UUID, version: int | None) -> None:
    """Deletes a segment; its contacts stay.

    Raises:
        SegmentNotFound: there is none.
        PreconditionFailed: it is at another version.
    """
    async with ctx.transaction("audience") as tx:
        await _get(ctx, tx, segment_id, level="edit")
        if not await segments.delete_segment(tx, workspace_id=ctx.workspace, segment_id=segment_id, version=version):
            raise PreconditionFailed(version=(await _get(ctx, tx, segment_id)).version)
        await publish(tx, SegmentDeleted(segment_id=segment_id))
    await forget_grants(ctx, object_kind=KIND, object_id=segment_id)


async def preview_segment(ctx: Context, *, wanted: SegmentPreview) -> SegmentCount:
    """How many contacts a definition would have."""
    async with ctx.transaction("audience") as tx:
        count = await segments.count_contacts(tx, segment_relation(wanted.definition), workspace_id=ctx.workspace)
    return SegmentCount(count=count)


async def compile_segment(ctx: Context, *, segment_id: UUID) -> Relation:
    """The segment as an expression over one row `c` of `audience.contact_v1`, with its parameters.

    Raises:
        SegmentNotFound: there is none.
    """
    async with ctx.transaction("audience") as tx:
        return relation_of(await _get(ctx, tx, segment_id))


async def count_segment(ctx: Context, *, segment_id: UUID) -> int:
    """How many contacts the segment has now.

    Raises:
        SegmentNotFound: there is none.
    """
    async with ctx.transaction("audience") as tx:
        relation = relation_of(await _get(ctx, tx, segment_id))
        return await segments.count_contacts(tx, relation, workspace_id=ctx.workspace)


async def count_segments(ctx: Context, *, segment_ids: Sequence[UUID]) -> list[int | None]:
    """How many contacts each has, in the order asked for and in one pass over the contacts; None where there is no segment."""
    async with ctx.transaction("audience") as tx:
        me = asker_of(ctx.principal, object_kind=KIND)
        rows = await segments.get_many_segments(tx, workspace_id=ctx.workspace, segment_ids=segment_ids, asker=me)
        relations = [relation_of(row, prefix=f"segment_{at}") for at, row in enumerate(rows)]
        counts = await segments.count_contacts_of_many(tx, relations, workspace_id=ctx.workspace) if rows else []
    by_id = {row.id: count for row, count in zip(rows, counts, strict=True)}
    return [by_id.get(segment_id) for segment_id in segment_ids]


async def require_segment(ctx: Context, *, segment_id: UUID, level: Level) -> None:
    """Lets those pass who may see (or with `edit` change) the segment.

    Raises:
        SegmentNotFound: there is none for the caller.
        SegmentReadOnly: the caller may only see it.
    """
    async with ctx.transaction("audience") as tx:
        await _get(ctx, tx, segment_id, level=level)


async def readable_row(ctx: Context, tx: Transaction, *, segment_id: UUID) -> SegmentRow | None:
    """A segment that the caller may see, or None."""
    row = await segments.find_segment(tx, workspace_id=ctx.workspace, segment_id=segment_id)
    return row if row is not None and await _access(ctx, tx, segment_id) is not None else None


async def _get(ctx: Context, tx: Transaction, segment_id: UUID, *, is_locked: bool = False, level: Level = "view") -> SegmentRow:
    row = await segments.find_segment(tx, workspace_id=ctx.workspace, segment_id=segment_id, is_locked=is_locked)
    access = await _access(ctx, tx, segment_id) if row is not None else None
    if row is None or access is None:
        raise SegmentNotFound
    if level == "edit" and access != "edit":
        raise SegmentReadOnly
    return row


async def _access(ctx: Context, tx: Transaction, segment_id: UUID) -> str | None:
    me = asker_of(ctx.principal, object_kind=KIND)
    return "edit" if me.sees_all else await find_access(tx, workspace_id=ctx.workspace, object_id=segment_id, asker=me)


def relation_of(row: SegmentRow, *, prefix: str = "segment") -> Relation:
    """What a stored segment means; parameters are named `<prefix>_<n>`."""
    return segment_relation(stored_definition(row.definition), prefix=prefix)


def _segment(row: SegmentRow) -> Segment:
    return Segment(
        id=row.id,
        name=row.name,
        definition=stored_definition(row.definition),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
