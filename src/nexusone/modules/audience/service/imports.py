"""Files of contacts: taking them, and answering what became of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from nexusone.kernel.contract import Contract, Id
from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.audience.contracts import ContactImport, ImportFailure
from nexusone.modules.audience.domain.csv_rows import errors_csv
from nexusone.modules.audience.service.refusals import ImportNotFound, ImportUnfinished
from nexusone.modules.audience.service.segments import LAST_ID
from nexusone.modules.audience.store import imports
from nexusone.modules.audience.store.imports import ImportRecord
from nexusone.platform.audit import record
from nexusone.platform.blobs import Blobs
from nexusone.platform.idempotency import conclude
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

RUN_IMPORT: Final = "audience.run_import"

_MAPPING: Final[TypeAdapter[dict[str, str | None]]] = TypeAdapter(dict[str, str | None])


class RunImport(Contract):
    """The work of one import."""

    import_id: Id


async def start_import(ctx: Context, *, file: AsyncIterator[bytes], mapping: str | None) -> ContactImport:
    """Stores the file and queues its import; the file is streamed and never held in memory.

    Raises:
        Unprocessable: `mapping` is no JSON object of texts and nulls.
        PayloadTooLarge: the file is over the limit.
    """
    names = _read_mapping(mapping)
    import_id = new_id()
    size = await ctx.runtime.blobs.put(ctx.workspace, file_key(import_id), file, "text/csv")
    async with ctx.transaction("audience") as tx:
        row = await imports.insert_import(
            tx, workspace_id=ctx.workspace, import_id=import_id, mapping=names, file_bytes=size, now=ctx.now()
        )
        await record(
            tx,
            action="audience.import.started",
            object_kind="import",
            object_id=str(import_id),
            after={"file_bytes": size, "mapping": names},
        )
        await enqueue_named(tx, [(RUN_IMPORT, RunImport(import_id=import_id))], key=str(import_id))
        queued = _import(row)
        await conclude(tx, queued)
    return queued


async def get_import(ctx: Context, *, import_id: UUID) -> ContactImport:
    """What has become of a file so far.

    Raises:
        ImportNotFound: there is none.
    """
    return _import(await _get(ctx, import_id))


async def list_imports(ctx: Context, *, request: PageRequest) -> PageOf[ContactImport]:
    """Imports, newest first."""
    before = UUID(request.after[0]) if request.after else LAST_ID
    async with ctx.transaction("audience") as tx:
        records = await imports.list_imports(tx, workspace_id=ctx.workspace, before=before, limit=request.limit + 1)
    items = tuple(_import(record) for record in records[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(records) > request.limit else None)


async def open_errors(ctx: Context, *, import_id: UUID) -> AsyncIterator[bytes]:
    """The CSV file of the rejected rows, as a stream: line, code, reason, and the row as it was.

    Raises:
        ImportNotFound: there is none.
        ImportUnfinished: it is not over yet.
    """
    row = await _get(ctx, import_id)
    if row.finished_at is None:
        raise ImportUnfinished(status=row.status)
    async with ctx.transaction("audience") as tx:
        await record(tx, action="audience.import.errors_downloaded", object_kind="import", object_id=str(import_id))
    return _errors(ctx.runtime.blobs, ctx.workspace, row.error_blobs)


def file_key(import_id: UUID) -> str:
    """Where the file of an import is among the workspace's blobs."""
    return f"imports/{import_id}/contacts.csv"


def errors_key(import_id: UUID, *, last_line: int) -> str:
    """Where the rejected rows of one batch are."""
    return f"imports/{import_id}/rejected-{last_line}.csv"


async def _errors(blobs: Blobs, workspace_id: UUID, keys: Sequence[str]) -> AsyncIterator[bytes]:
    if not keys:
        yield errors_csv((), header=()).encode()
    for key in keys:
        async for chunk in (await blobs.get(workspace_id, key)).chunks:
            yield chunk


async def _get(ctx: Context, import_id: UUID) -> ImportRecord:
    async with ctx.transaction("audience") as tx:
        row = await imports.find_import(tx, workspace_id=ctx.workspace, import_id=import_id)
    if row is None:
        raise ImportNotFound
    return row


def _read_mapping(text: str | None) -> dict[str, str | None]:
    if text is None:
        return {}
    try:
        return _MAPPING.validate_json(text, strict=True)
    except ValidationError:
        detail = 'a JSON object from columns to fields, such as {"E-Mail": "email", "Tarif": "attributes.plan", "Notes": null}'
        raise Unprocessable(errors=(FieldError(pointer="/mapping", code="mapping_invalid", detail=detail),), count=1) from None


def _import(record: ImportRecord) -> ContactImport:
    failure = None
    if record.failure_code is not None:
        failure = ImportFailure(code=record.failure_code, detail=record.failure_detail or "")
    has_errors = record.finished_at is not None and record.rejected > 0
    return ContactImport.model_validate(
        {
            "id": record.id,
            "status": record.status,
            "progress": 100 if record.finished_at else record.bytes_read * 100 // max(record.file_bytes, 1),
            "rows_total": record.created + record.updated + record.rejected,
            "created": record.created,
            "updated": record.updated,
            "rejected": record.rejected,
            "errors_url": f"/v1/contacts/imports/{record.id}/errors" if has_errors else None,
            "failure": failure,
            "created_at": record.created_at,
            "finished_at": record.finished_at,
        }
    )
