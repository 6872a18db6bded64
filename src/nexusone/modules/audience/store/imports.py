"""SQL of imports: what each one is, and how far it has come."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_IMPORT = sql("""
insert into audience.contact_import (workspace_id, id, status, mapping, file_bytes, created_at)
values (%(workspace_id)s, %(id)s, 'queued', %(mapping)s, %(file_bytes)s, %(now)s)
returning id, status, mapping, file_bytes, last_line, bytes_read, created, updated, rejected, error_blobs,
    failure_code, failure_detail, created_at, finished_at
""")

FIND_IMPORT = sql("""
select id, status, mapping, file_bytes, last_line, bytes_read, created, updated, rejected, error_blobs,
    failure_code, failure_detail, created_at, finished_at
from audience.contact_import where workspace_id = %(workspace_id)s and id = %(id)s
""")

LOCK_IMPORT = sql("""
select id, status, mapping, file_bytes, last_line, bytes_read, created, updated, rejected, error_blobs,
    failure_code, failure_detail, created_at, finished_at
from audience.contact_import where workspace_id = %(workspace_id)s and id = %(id)s
for update
""")

LIST_IMPORTS = sql("""
select id, status, mapping, file_bytes, last_line, bytes_read, created, updated, rejected, error_blobs,
    failure_code, failure_detail, created_at, finished_at
from audience.contact_import
where workspace_id = %(workspace_id)s and id < %(before)s
order by id desc
limit %(limit)s
""")

START_IMPORT = sql("""
update audience.contact_import
set status = 'running'
where workspace_id = %(workspace_id)s and id = %(id)s and status in ('queued', 'running')
returning id, status, mapping, file_bytes, last_line, bytes_read, created, updated, rejected, error_blobs,
    failure_code, failure_detail, created_at, finished_at
""")

RECORD_BATCH = sql("""
update audience.contact_import
set last_line = %(last_line)s, bytes_read = %(bytes_read)s, created = created + %(created)s, updated = updated + %(updated)s,
    rejected = rejected + %(rejected)s, error_blobs = error_blobs || %(error_blobs)s::text[]
where workspace_id = %(workspace_id)s and id = %(id)s
""")

FINISH_IMPORT = sql("""
update audience.contact_import
set status = %(status)s, bytes_read = file_bytes, failure_code = %(failure_code)s, failure_detail = %(failure_detail)s,
    finished_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'running'
returning id, status, mapping, file_bytes, last_line, bytes_read, created, updated, rejected, error_blobs,
    failure_code, failure_detail, created_at, finished_at
""")


class ImportRecord(NamedTuple):
    """One import; every row up to `last_line` is counted. `error_blobs` are keys, in the order of the file."""

    id: UUID
    status: str
    mapping: dict[str, str | None]
    file_bytes: int
    last_line: int
    bytes_read: int
    created: int
    updated: int
    rejected: int
    error_blobs: list[str]
    failure_code: str | None
    failure_detail: str | None
    created_at: datetime
    finished_at: datetime | None


class BatchOutcome(NamedTuple):
    """What one batch came to, up to `last_line` and `bytes_read`; `error_blob` holds its rejected rows, if any."""

    last_line: int
    bytes_read: int
    created: int
    updated: int
    rejected: int
    error_blob: str | None


async def insert_import(
    tx: Transaction, *, workspace_id: UUID, import_id: UUID, mapping: dict[str, str | None], file_bytes: int, now: datetime
) -> ImportRecord:
    """A new import, queued."""
    parameters = {"workspace_id": workspace_id, "id": import_id, "file_bytes": file_bytes, "now": now}
    return await tx.fetch_one(ImportRecord, INSERT_IMPORT, {**parameters, "mapping": Jsonb(mapping)})


async def find_import(tx: Transaction, *, workspace_id: UUID, import_id: UUID, is_locked: bool = False) -> ImportRecord | None:
    """An import, locked against other workers if `is_locked`."""
    return await tx.find_one(ImportRecord, LOCK_IMPORT if is_locked else FIND_IMPORT, {"workspace_id": workspace_id, "id": import_id})


async def list_imports(tx: Transaction, *, workspace_id: UUID, before: UUID, limit: int) -> list[ImportRecord]:
    """Imports with ids below `before`, newest first."""
    return await tx.fetch_all(ImportRecord, LIST_IMPORTS, {"workspace_id": workspace_id, "before": before, "limit": limit})


async def start_import(tx: Transaction, *, workspace_id: UUID, import_id: UUID) -> ImportRecord | None:
    """Marks an import as running; None if it is over or is not there."""
    return await tx.find_one(ImportRecord, START_IMPORT, {"workspace_id": workspace_id, "id": import_id})


async def record_batch(tx: Transaction, outcome: BatchOutcome, *, workspace_id: UUID, import_id: UUID) -> None:
    """Moves the checkpoint past a batch and counts it."""
    error_blobs = [outcome.error_blob] if outcome.error_blob else []
    await tx.execute(RECORD_BATCH, {**outcome._asdict(), "error_blobs": error_blobs, "workspace_id": workspace_id, "id": import_id})


async def finish_import(
    tx: Transaction, *, workspace_id: UUID, import_id: UUID, failure: tuple[str, str] | None, now: datetime
) -> ImportRecord | None:
    """Ends a running import, as failed if there is a `failure` (code, sentence); None if it is not running."""
    code, detail = failure or (None, None)
    words = {"status": "failed" if failure else "succeeded", "failure_code": code, "failure_detail": detail}
    return await tx.find_one(ImportRecord, FINISH_IMPORT, {"workspace_id": workspace_id, "id": import_id, "now": now, **words})
