"""Which jobs a worker takes next: those of the workspace that has the fewest running, so that nobody waits behind a neighbour.

A worker keeps a quarter of its places free of any one workspace, for another whose job comes while long ones run.
A job's priority orders the work of its own workspace, never that of others. With jobs.py, the file that knows the queue library.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString

from pgqueuer.adapters.persistence.composer import ComposedQuery
from pgqueuer.adapters.persistence.qb import QueryQueueBuilder
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId

UNBOUNDED = 2**31 - 1
SIGHT = 200

# $1 how many at once, $2 kinds, $3 how many of each kind may run over all workers (0: any number), $4 this worker,
# $5 after what silence a job is taken over, $6 the worker's places, $7 how many of them one workspace may hold, $8 how many pairs of kind
# and waiting workspace are looked at. Only what is due, of the worker's own kinds, takes a place in its sight, and the kinds share it.
# Where more wait than that, those that came first are within sight as well, so each comes to its turn.
# `turn` is the place a job would have among its workspace's running ones; lower turns go first.
# The windows are over before the lock, which slides past what another worker has locked and must not slide past a limit.
TAKE_FAIRLY: LiteralString = """
with recursive earliest as materialized (
    select first.entrypoint, first.workspace
    from unnest($2::text[]) as wanted (entrypoint) cross join lateral (
        select job.entrypoint, coalesce(job.headers ->> 'workspace_id', '') as workspace
        from queue.pgqueuer as job
        where job.status = 'queued' and job.entrypoint = wanted.entrypoint and job.execute_after < now()
        order by coalesce(job.headers ->> 'workspace_id', '') limit 1
    ) as first
),
depth as materialized (
    select greatest(1, $8::int / greatest(1, count(*))) as pairs from earliest
),
waiting (entrypoint, workspace, position) as (
    select entrypoint, workspace, 1 from earliest
    union all
    select following.entrypoint, following.workspace, waiting.position + 1
    from waiting cross join lateral (
        select job.entrypoint, coalesce(job.headers ->> 'workspace_id', '') as workspace
        from queue.pgqueuer as job
        where job.status = 'queued' and job.entrypoint = waiting.entrypoint and job.execute_after < now()
            and coalesce(job.headers ->> 'workspace_id', '') > waiting.workspace
        order by coalesce(job.headers ->> 'workspace_id', '') limit 1
    ) as following
    where waiting.position < (select pairs from depth)
),
kind as (
    select wanted.entrypoint, wanted.most, case when wanted.most > 0 then wanted.most - (
        select count(*) from queue.pgqueuer as held where held.entrypoint = wanted.entrypoint and held.queue_manager_id is not null
    ) end as remaining
    from unnest($2::text[], $3::bigint[]) as wanted (entrypoint, most)
),
running as (
    select coalesce(headers ->> 'workspace_id', '') as workspace, count(*) as total
    from queue.pgqueuer where queue_manager_id = $4 and status = 'picked' and entrypoint = any($2::text[])
    group by 1
),
room as (
    select greatest(least($1::bigint, $6::bigint - coalesce(sum(total), 0)), 0)::bigint as places from running
),
within_sight as (
    select job.id, job.priority, waiting.entrypoint, waiting.workspace
    from waiting cross join lateral (
        select queued.id, queued.priority from queue.pgqueuer as queued
        where queued.status = 'queued' and queued.entrypoint = waiting.entrypoint
            and coalesce(queued.headers ->> 'workspace_id', '') = waiting.workspace and queued.execute_after < now()
        order by queued.priority desc, queued.id
        limit greatest(2, 4 * $1::bigint / (select count(*) from waiting))
    ) as job
    where (select places from room) > 0
    union
    select job.id, job.priority, kind.entrypoint, job.workspace
    from kind cross join lateral (
        select queued.id, queued.priority, coalesce(queued.headers ->> 'workspace_id', '') as workspace
        from queue.pgqueuer as queued
        where queued.status = 'queued' and queued.entrypoint = kind.entrypoint and queued.execute_after < now()
        order by queued.priority desc, queued.id
        limit $1::bigint
    ) as job
    where (select places from room) > 0 and (kind.remaining is null or kind.remaining > 0)
),
lined_up as (
    select
        job.id, kind.entrypoint, kind.remaining,
        coalesce(running.total, 0) + row_number() over (partition by job.workspace order by job.priority desc, job.id) as turn
    from within_sight as job
    join kind on kind.entrypoint = job.entrypoint and (kind.remaining is null or kind.remaining > 0)
    left join running on running.workspace = job.workspace
    where coalesce(running.total, 0) < $7::bigint
),
admitted as (
    select ranked.id, ranked.turn from (
        select *, row_number() over (partition by entrypoint order by turn, id) as position from lined_up where turn <= $7::bigint
    ) as ranked
    where ranked.remaining is null or ranked.position <= ranked.remaining
    order by ranked.turn, ranked.id limit 4 * $1::bigint
),
fresh as (
    select job.id, job.entrypoint
    from admitted cross join lateral (
        select target.id, target.entrypoint from queue.pgqueuer as target
        where target.id = admitted.id and target.status = 'queued' and target.execute_after < now()
        for update of target skip locked
    ) as job
    order by admitted.turn, admitted.id
    limit (select places from room)
),
-- What was taken over is counted already, as its kind's and in its slot.
silent as (
    select id from queue.pgqueuer
    where status = 'picked' and entrypoint = any($2::text[]) and heartbeat < now() - $5::interval and execute_after < now()
        and (select places from room) > 0
    order by id
    for update skip locked
    limit $1::bigint
),
eligible as (
    select id, entrypoint, is_fresh from (
        select id, null as entrypoint, false as is_fresh from silent union all select id, entrypoint, true from fresh
    ) as both_kinds
    order by is_fresh, id limit (select places from room)
),
free_slot as (
    select kind.entrypoint, slot.number, row_number() over (partition by kind.entrypoint order by slot.number) as position
    from kind cross join lateral generate_series(0, kind.most - 1) as slot (number)
    where kind.remaining > 0 and not exists (
        select from queue.pgqueuer as holder
        where holder.entrypoint = kind.entrypoint and holder.status = 'picked' and holder.slot = slot.number
    )
),
seated as (
    select claim.id, claim.is_fresh, free_slot.number as slot
    from (
        select *, row_number() over (partition by entrypoint, is_fresh order by id) as position from eligible
    ) as claim
    left join kind on kind.entrypoint = claim.entrypoint
    left join free_slot on free_slot.entrypoint = claim.entrypoint and free_slot.position = claim.position
    where not claim.is_fresh or kind.most = 0 or free_slot.number is not null
),
claimed as (
    update queue.pgqueuer as job
    set status = 'picked', updated = now(), heartbeat = now(), queue_manager_id = $4,
        slot = case when seated.is_fresh then seated.slot else job.slot end
    from seated where job.id = seated.id
    returning job.*
),
log_pick as (
    insert into queue.pgqueuer_log (job_id, status, entrypoint, priority) select id, status, entrypoint, priority from claimed
)
select * from claimed order by priority desc, id
"""


def share_of(places: int) -> int:
    """How many of a worker's places one workspace may hold."""
    return max(1, places - max(1, places // 4))


@dataclass
class FairQueueBuilder(QueryQueueBuilder):
    """The library's statements, with its own way of taking jobs replaced."""

    def build_dequeue_query(
        self,
        *,
        batch_size: int,
        entrypoints: list[QueueEntrypoint],
        concurrency_limits: list[int],
        queue_manager_id: QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> ComposedQuery:
        """The statement and its values; without a limit for the worker, workspaces have none either."""
        places = UNBOUNDED if global_concurrency_limit is None else global_concurrency_limit
        share = UNBOUNDED if global_concurrency_limit is None else share_of(places)
        values = (batch_size, list(entrypoints), list(concurrency_limits), queue_manager_id, heartbeat_timeout, places, share, SIGHT)
        return ComposedQuery(sql=TAKE_FAIRLY, args=values)
