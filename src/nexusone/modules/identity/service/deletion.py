"""Leaving for good: everything is exported, a time of grace passes, and then every row and file goes (TEN-13)."""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from nexusone.kernel.contract import Contract, Id
from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.modules.identity.contracts.workspaces import DeletionWish, ExportFile, WorkspaceDetails, WorkspaceExport
from nexusone.modules.identity.events import WorkspaceDeletionCalledOff, WorkspaceDeletionPlanned, WorkspaceExported
from nexusone.modules.identity.service.refusals import DeletionNotPlanned, DeletionPlanned, ExportNotReady
from nexusone.modules.identity.service.step_up import require_recent
from nexusone.modules.identity.service.workspaces import details_of, get_row
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import workspaces
from nexusone.platform.audit import record, record_apart
from nexusone.platform.blobs import sign_link
from nexusone.platform.erasure import erase_jobs, erase_schema, export_table, list_tables
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings

EXPORT_JOB = "identity.export_workspace"
EXPORT_FOLDER = "export"
LINK_LIVES = timedelta(hours=24)
LINK_PURPOSE = "blob-link"
# A workspace's own rows go last: while they are there, an erasure that was cut off is found and goes on.
LAST_SCHEMA = "identity"
# Counters and outcomes of requests, which say nothing of the business.
NOT_EXPORTED = frozenset({"platform.data_key", "platform.idempotency", "identity.session", "identity.spent_refresh"})

_log = structlog.get_logger(__name__)


class ExportOrder(Contract):
    """An export to be written."""

    workspace_id: Id


async def plan_deletion(ctx: Context, *, wanted: DeletionWish) -> WorkspaceDetails:
    """Suspends the workspace at once, exports it, and deletes it after the grace.

    Raises:
        Unprocessable: the name is not the workspace's.
        DeletionPlanned: it is planned already.
        StepUpNeeded: the caller has not proved themselves lately.
    """
    require_recent(ctx)
    async with ctx.transaction("identity") as tx:
        row = await get_row(ctx, tx, is_locked=True)
        if row.delete_at is not None:
            raise DeletionPlanned
        if wanted.name != row.name:
            fault = FieldError(pointer="/name", code="different", detail="this is not the name of the workspace")
            raise Unprocessable(errors=(fault,), count=1)
        delete_at = ctx.now() + timedelta(days=ctx.setting(IdentitySettings).deletion_grace_days)
        row = replace(row, delete_at=delete_at, version=row.version + 1)
        await workspaces.update_workspace(tx, row)
        await publish(tx, WorkspaceDeletionPlanned(workspace_id=row.id, delete_at=delete_at))
        await enqueue_named(tx, [(EXPORT_JOB, ExportOrder(workspace_id=row.id))], key=EXPORT_FOLDER)
        await conclude(tx, details_of(row))
    return details_of(row)


async def call_off_deletion(ctx: Context) -> WorkspaceDetails:
    """Keeps the workspace; a suspension from before stays.

    Raises:
        DeletionNotPlanned: nobody wants to delete it.
    """
    async with ctx.transaction("identity") as tx:
        row = await get_row(ctx, tx, is_locked=True)
        if row.delete_at is None:
            raise DeletionNotPlanned
        row = replace(row, delete_at=None, version=row.version + 1)
        await workspaces.update_workspace(tx, row)
        await publish(tx, WorkspaceDeletionCalledOff(workspace_id=row.id))
        await conclude(tx, details_of(row))
    return details_of(row)


async def order_export(ctx: Context) -> WorkspaceDetails:
    """Leaves an export to a job; its end is announced as `identity.workspace.exported.v1`.

    Raises:
        StepUpNeeded: the caller has not proved themselves lately.
    """
    require_recent(ctx)
    async with ctx.transaction("identity") as tx:
        row = await get_row(ctx, tx)
        await enqueue_named(tx, [(EXPORT_JOB, ExportOrder(workspace_id=row.id))], key=EXPORT_FOLDER)
        await record(tx, action="identity.workspace.export_ordered", object_kind="workspace", object_id=str(row.id))
        await conclude(tx, details_of(row))
    return details_of(row)


async def get_export(ctx: Context) -> WorkspaceExport:
    """The files of the last export, with links that live a day.

    Raises:
        ExportNotReady: there was none yet.
        StepUpNeeded: the caller has not proved themselves lately.
    """
    require_recent(ctx)
    async with ctx.transaction("identity") as tx:
        exported_at = (await get_row(ctx, tx)).exported_at
        if exported_at is None:
            raise ExportNotReady
        await record(tx, action="identity.workspace.export_fetched", object_kind="workspace", object_id=str(ctx.workspace))
    expires_at = ctx.now() + LINK_LIVES
    found = [entry async for entry in ctx.runtime.blobs.list_blobs(ctx.workspace, EXPORT_FOLDER)]
    files = [ExportFile(table=_table_of(entry.key), size_bytes=entry.size_bytes, url=_link(ctx, entry.key, expires_at)) for entry in found]
    files.sort(key=lambda file: file.table)
    return WorkspaceExport(exported_at=exported_at, expires_at=expires_at, files=files)


async def write_export(ctx: Context) -> None:
    """Writes one file a table; running twice replaces the first."""
    for table in await list_tables(ctx):
        name = f"{table.schema_name}.{table.table_name}"
        if name not in NOT_EXPORTED:
            await export_table(ctx, table, key=f"{EXPORT_FOLDER}/{name}.ndjson")
    async with ctx.transaction("identity") as tx:
        row = await get_row(ctx, tx, is_locked=True)
        await workspaces.update_workspace(tx, replace(row, exported_at=ctx.now()))
        await publish(tx, WorkspaceExported(workspace_id=row.id))


async def erase_due(ctx: Context) -> None:
    """Erases the workspaces whose grace is over; one that was cut off goes on at the next tick."""
    async with ctx.transaction("system") as tx:
        due = await workspaces.list_due_deletions(tx, now=ctx.now())
    for workspace_id in due:
        await erase(ctx.for_workspace(workspace_id))


async def erase(ctx: Context) -> None:
    """Deletes every row and every file of the workspace, if its grace is over; running twice is harmless."""
    async with ctx.transaction("identity") as tx:
        row = await workspaces.find_workspace(tx, workspace_id=ctx.workspace)
    if row is None or row.delete_at is None or row.delete_at > ctx.now():
        return
    await erase_jobs(ctx)
    schemas = sorted({table.schema_name for table in await list_tables(ctx)}, key=lambda name: (name == LAST_SCHEMA, name))
    await ctx.runtime.blobs.delete_all(ctx.workspace)
    # Twice: what others wrote of the workspace meanwhile, a refused request say, goes in the second round.
    rows = sum([await erase_schema(ctx, schema) for schema in (*schemas, *schemas)])
    await ctx.runtime.blobs.delete_all(ctx.workspace)
    # The installation's own trail remembers that there was a workspace, and when it went.
    nowhere = replace(ctx, workspace_id=None)
    await record_apart(nowhere, action="identity.workspace.erased", object_kind="workspace", object_id=str(ctx.workspace), result="done")
    _log.info("workspace.erased", workspace_id=str(ctx.workspace), rows=rows)


def _table_of(key: str) -> str:
    return key.rsplit("/", 1)[-1].removesuffix(".ndjson")


def _link(ctx: Context, key: str, expires_at: datetime) -> str:
    token = sign_link(ctx.workspace, key, expires_at=expires_at, keys=ctx.runtime.keys.signing_keys(LINK_PURPOSE))
    return f"{ctx.setting(PlatformSettings).public_address}/v1/files/{token}"
