"""Running the queue empty, also where the machine was too slow for a job's first try."""

import asyncio

import psycopg

from nexusone.apps.compose import Composition

TRIES = 4
PATIENCE_SECONDS = 12.0

# The reasons are those a loaded machine gives: a wait for a connection or a lock that ended, a deadlock with another job.
LIST_PUT_OFF = """
select job.id, extract(epoch from greatest(job.execute_after - now(), interval '0'))::float
from queue.pgqueuer as job
where job.status = 'queued' and job.execute_after < now() + make_interval(secs => %(patience)s) and exists (
    select from queue.pgqueuer_log as step
    where step.job_id = job.id and step.status = 'queued'
        and step.traceback -> 'additional_context' ->> 'reason' ~ '^(DatabaseUnavailable|Contended|TimeoutError)'
)
"""


async def drain(composition: Composition) -> None:
    """Runs all due jobs, and those that a busy database put off for some seconds; other failures wait as ever."""
    await composition.worker().drain()
    for _ in range(TRIES):
        wait = await _seconds_to_those_put_off(composition.url)
        if wait is None:
            return
        await asyncio.sleep(wait + 0.01)
        await composition.worker().drain()


async def _seconds_to_those_put_off(url: str) -> float | None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c role=m_queue") as connection:
        rows = await (await connection.execute(LIST_PUT_OFF, {"patience": PATIENCE_SECONDS})).fetchall()
    return max((float(seconds) for _, seconds in rows), default=None)
