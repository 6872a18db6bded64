"""PERF-01's baseline: a bare FastAPI route with the same SELECT by psycopg; no credential, no limits, no row-level security."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from nexusone.apps.serving import BACKLOG

LIST_CONTACTS = """
select
    id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes, email_status, version,
    created_at, updated_at
from audience.contact
where workspace_id = %(workspace_id)s
order by id desc
limit %(limit)s
"""

pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
    os.environ["BENCH_DATABASE_URL"], min_size=1, max_size=12, open=False, kwargs={"autocommit": True}
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    await pool.open()
    yield
    await pool.close()


app = FastAPI(lifespan=lifespan)


@app.get("/contacts")
async def list_contacts(workspace_id: str, limit: int = 50) -> list[dict[str, Any]]:
    async with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_CONTACTS, {"workspace_id": workspace_id, "limit": limit})
        rows: list[dict[str, Any]] = await cursor.fetchall()
        return rows


if __name__ == "__main__":
    config = uvicorn.Config(
        app, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", ws="none", access_log=False, log_level="warning", backlog=BACKLOG
    )
    uvloop.run(uvicorn.Server(config).serve())
