"""Taking a workspace along and taking it away: every row of every schema, and every file.

Works from the catalog, so that a table nobody told us of is exported and erased like all others.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

ROWS_AT_ONCE = 20_000
PART_BYTES = 64 * 1024
PARTS_WAITING = 16
NDJSON = "application/x-ndjson"
STATEMENT_SECONDS = 120

LIST_TABLES = sql("select schema_name, table_name from platform.list_workspace_tables()")

EXPORT_ROWS = sql("select line from platform.export_rows_of(%(schema)s, %(table)s, %(workspace_id)s) as line")

ERASE_ROWS = sql("select platform.erase_rows_of(%(schema)s, %(workspace_id)s, %(rows_max)s)")

ERASE_JOBS = sql("select platform.erase_jobs(%(workspace_id)s)")


@dataclass(frozen=True, slots=True)
class WorkspaceTable:
    """A table with rows of workspaces."""

    schema_name: str
    table_name: str


@dataclass(frozen=True, slots=True)
class _Line:
    line: str


async def list_tables(ctx: Context) -> list[WorkspaceTable]:
    """All tables with rows of workspaces, by schema and name."""
    async with ctx.transaction("erasure") as tx:
        return await tx.fetch_all(WorkspaceTable, LIST_TABLES)


async def export_table(ctx: Context, table: WorkspaceTable, *, key: str) -> None:
    """Writes the workspace's rows as NDJSON to a file; columns of bytes (digests, sealed secrets, keys) are left out."""
    lines: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=PARTS_WAITING)
    # The store asks for its content from tasks of its own, and a transaction belongs to the task that opened it.
    async with asyncio.TaskGroup() as both:
        both.create_task(_read_lines(ctx, table, lines))
        both.create_task(ctx.runtime.blobs.put(ctx.workspace, key, _content(lines), NDJSON))


async def _read_lines(ctx: Context, table: WorkspaceTable, lines: "asyncio.Queue[bytes | None]") -> None:
    parameters = {"schema": table.schema_name, "table": table.table_name, "workspace_id": ctx.workspace}
    part = bytearray()
    async with ctx.transaction("erasure", statement_timeout_seconds=STATEMENT_SECONDS) as tx:
        async for row in tx.stream(_Line, EXPORT_ROWS, parameters):
            part += row.line.encode() + b"\n"
            if len(part) >= PART_BYTES:
                await lines.put(bytes(part))
                part.clear()
    await lines.put(bytes(part))
    await lines.put(None)


async def _content(lines: "asyncio.Queue[bytes | None]") -> AsyncIterator[bytes]:
    while (part := await lines.get()) is not None:
        if part:
            yield part


async def erase_schema(ctx: Context, schema: str) -> int:
    """Deletes all rows the workspace has in a schema, batch by batch; answers how many those were."""
    total = 0
    while True:
        async with ctx.transaction("erasure", statement_timeout_seconds=STATEMENT_SECONDS) as tx:
            parameters = {"schema": schema, "workspace_id": ctx.workspace, "rows_max": ROWS_AT_ONCE}
            gone = await tx.fetch_value(int, ERASE_ROWS, parameters)
        total += gone
        if gone == 0:
            return total


async def erase_jobs(ctx: Context) -> int:
    """Deletes the work that waits for the workspace; answers how much that was."""
    async with ctx.transaction("erasure") as tx:
        return await tx.fetch_value(int, ERASE_JOBS, {"workspace_id": ctx.workspace})
