"""Forgets what became of jobs long ago, so that the queue's log stays small; what is still in the queue keeps its history."""

from datetime import timedelta

from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

STEPS_KEPT_FOR = timedelta(days=14)
COUNTS_KEPT_FOR = timedelta(days=90)
BATCH = 5000

FORGET_STEPS = sql("""
delete from queue.pgqueuer_log
where id in (
    select step.id
    from queue.pgqueuer_log as step
    where step.created < %(before)s and not exists (select 1 from queue.pgqueuer as job where job.id = step.job_id)
    order by step.created
    limit %(batch)s
)
""")

FORGET_COUNTS = sql("""
delete from queue.pgqueuer_statistics
where id in (select id from queue.pgqueuer_statistics where created < %(before)s order by id limit %(batch)s)
""")


async def forget_old_steps(ctx: Context) -> None:
    """Deletes the log of jobs that ended more than 14 days ago, and counts older than 90 days, batch by batch."""
    for statement, kept_for in ((FORGET_STEPS, STEPS_KEPT_FOR), (FORGET_COUNTS, COUNTS_KEPT_FOR)):
        deleted = BATCH
        while deleted == BATCH:
            async with ctx.transaction("queue") as tx:
                deleted = await tx.execute(statement, {"before": ctx.now() - kept_for, "batch": BATCH})
