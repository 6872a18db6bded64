"""The work of an import: batch by batch, each committed together with the checkpoint that says it is done."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar, assert_never
from uuid import UUID

from nexusone.modules.audience.domain.contact import ATTRIBUTES_BYTES_MAX, ATTRIBUTES_MAX
from nexusone.modules.audience.domain.csv_rows import ImportRow, RowBatch, RowFault, RowReader, UnreadableFile, errors_csv
from nexusone.modules.audience.events import ImportFinished
from nexusone.modules.audience.service.imports import errors_key, file_key
from nexusone.modules.audience.service.room import require_room, room_for_contacts, wait_for_counting
from nexusone.modules.audience.settings import AudienceSettings
from nexusone.modules.audience.store import imports
from nexusone.modules.audience.store.import_merge import Merged, TurnedDown, merge_rows
from nexusone.modules.audience.store.imports import BatchOutcome, ImportRecord
from nexusone.modules.billing import api as billing
from nexusone.platform.blobs import BlobNotFound
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

T = TypeVar("T")

NOT_IN_PLAN = "the plan {plan} allows {limit} contacts; what came before this line was taken. Plan that would allow more: {allowed_by}"


async def run_import(ctx: Context, *, import_id: UUID) -> None:
    """Imports the file from the last checkpoint on; an import that is over is left alone."""
    async with ctx.transaction("audience") as tx:
        record = await imports.start_import(tx, workspace_id=ctx.workspace, import_id=import_id)
    if record is None:
        await ctx.runtime.blobs.delete(ctx.workspace, file_key(import_id))
        return
    failure = None
    try:
        await _take_file(ctx, record)
    except UnreadableFile as unreadable:
        failure = (unreadable.faults[0].code, str(unreadable))
    except billing.NotInPlan as refusal:
        failure = (refusal.code, NOT_IN_PLAN.format(**refusal.data))
    except BlobNotFound:
        failure = ("file_missing", "the file is not in the store any more; send it again")
    await _finish(ctx, import_id, failure=failure)


async def refuse_import(ctx: Context, *, import_id: UUID, code: str) -> None:
    """Ends an import that nobody may run any more; what it took before stays."""
    async with ctx.transaction("audience") as tx:
        record = await imports.start_import(tx, workspace_id=ctx.workspace, import_id=import_id)
    if record is not None:
        await _finish(ctx, import_id, failure=(code, "whoever sent the file may not import any more"))


async def _take_file(ctx: Context, record: ImportRecord) -> None:
    reader = RowReader(mapping=record.mapping, batch_rows=ctx.setting(AudienceSettings).import_batch_rows)
    blob = await ctx.runtime.blobs.get(ctx.workspace, file_key(record.id))
    async with aclosing(_one_ahead(_batches(reader, blob.chunks))) as batches:
        async for batch, bytes_read in batches:
            if batch.last_line > record.last_line:
                await _Batch(ctx, record.id, reader, batch, bytes_read).take()


async def _batches(reader: RowReader, chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[RowBatch, int]]:
    bytes_read = 0
    async for chunk in chunks:
        bytes_read += len(chunk)
        # Reading is a tenth of a second of pure computing a batch: in a thread it lets the process answer meanwhile.
        for batch in await asyncio.to_thread(list, reader.feed(chunk)):
            yield batch, bytes_read
    for batch in await asyncio.to_thread(list, reader.finish()):
        yield batch, bytes_read


async def _one_ahead(batches: AsyncIterator[T]) -> AsyncGenerator[T]:
    # The next batch is read while the database merges this one.
    coming = asyncio.ensure_future(anext(batches, None))
    try:
        while (batch := await coming) is not None:
            coming = asyncio.ensure_future(anext(batches, None))
            yield batch
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _finish(ctx: Context, import_id: UUID, *, failure: tuple[str, str] | None) -> None:
    async with ctx.transaction("audience") as tx:
        record = await imports.finish_import(tx, workspace_id=ctx.workspace, import_id=import_id, failure=failure, now=ctx.now())
        if record is not None:
            await publish(
                tx,
                ImportFinished(
                    import_id=import_id,
                    status="failed" if failure else "succeeded",
                    created=record.created,
                    updated=record.updated,
                    rejected=record.rejected,
                ),
            )
    await ctx.runtime.blobs.delete(ctx.workspace, file_key(import_id))


class _Batch:
    def __init__(self, ctx: Context, import_id: UUID, reader: RowReader, batch: RowBatch, bytes_read: int) -> None:
        self._ctx, self._import_id, self._reader = ctx, import_id, reader
        self._batch, self._bytes_read = batch, bytes_read

    async def take(self) -> None:
        allowance = await room_for_contacts(self._ctx)
        await self._ctx.atomically("audience", lambda tx: self._take(tx, allowance))

    async def _take(self, tx: Transaction, allowance: billing.Allowance) -> None:
        ctx = self._ctx
        record = await imports.find_import(tx, workspace_id=ctx.workspace, import_id=self._import_id, is_locked=True)
        # Another worker may have taken this import over and be ahead.
        if record is None or record.status != "running" or record.last_line >= self._batch.last_line:
            return
        rows = [row for row in self._batch.rows if row.line > record.last_line]
        faults = [fault for fault in self._batch.faults if fault.line > record.last_line]
        await wait_for_counting(ctx, tx, allowance)
        merged = await self._merge(tx, rows)
        if merged.created:
            await require_room(ctx, tx, allowance, quantity=0)
        faults.extend(self._turned_down(rows, merged))
        outcome = BatchOutcome(
            last_line=self._batch.last_line,
            bytes_read=self._bytes_read,
            created=merged.created,
            updated=merged.updated,
            rejected=len(faults),
            error_blob=await self._store_faults(faults, is_first=not record.error_blobs),
        )
        if outcome.created + outcome.updated + outcome.rejected != len(rows) + len(faults) - len(merged.turned_down):
            raise AssertionError("a row of the batch is neither taken nor turned down")
        await imports.record_batch(tx, outcome, workspace_id=ctx.workspace, import_id=self._import_id)

    async def _merge(self, tx: Transaction, rows: list[ImportRow]) -> Merged:
        if not rows:
            return Merged(0, 0, [])
        return await merge_rows(
            tx,
            rows,
            workspace_id=self._ctx.workspace,
            import_id=self._import_id,
            attributes_max=ATTRIBUTES_MAX,
            attributes_bytes_max=ATTRIBUTES_BYTES_MAX,
            now=self._ctx.now(),
        )

    def _turned_down(self, rows: list[ImportRow], merged: Merged) -> list[RowFault]:
        if not merged.turned_down:
            return []
        by_line = {row.line: row for row in rows}
        return [self._fault(by_line[turned_down.line], turned_down) for turned_down in merged.turned_down]

    def _fault(self, row: ImportRow, why: TurnedDown) -> RowFault:
        match why.kind:
            case "repeated":
                return self._reader.repeated(row, field=why.field, first_line=why.first_line or 0)
            case "taken":
                return self._reader.rejected(row, code="identifier_taken", reason=f"{why.field}: another contact has it")
            case "too_large":
                reason = f"attributes: with those the contact has, more than {ATTRIBUTES_BYTES_MAX} bytes"
                return self._reader.rejected(row, code="too_large", reason=reason)
            case "too_many":
                reason = f"attributes: with those the contact has, more than {ATTRIBUTES_MAX}"
                return self._reader.rejected(row, code="too_many", reason=reason)
            case _:
                assert_never(why.kind)

    async def _store_faults(self, faults: list[RowFault], *, is_first: bool) -> str | None:
        if not faults:
            return None
        # Written before the commit that names it: a crash between leaves a blob that the next try overwrites.
        key = errors_key(self._import_id, last_line=self._batch.last_line)
        header = self._reader.columns.header if is_first and self._reader.columns else None
        text = errors_csv(sorted(faults, key=lambda fault: fault.line), header=header)
        await self._ctx.runtime.blobs.put(self._ctx.workspace, key, text.encode(), "text/csv")
        return key
