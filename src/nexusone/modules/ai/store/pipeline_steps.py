"""SQL of the steps of runs: which are ready, which were taken, how they ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.modules.ai.contracts.pipeline_runs import StepState
from nexusone.modules.ai.contracts.pipeline_steps import StepKind
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

COLUMNS = fragment("""
    step, item, place, kind, is_fan, is_tolerated, depends_on, state, item_key, item_value, tries, attempts, inputs_hash, output,
    generation_id, is_called, bound_micros, reserved_micros, error_code, error_detail, ready_at, started_at,
    finished_at, due_at
""")

INSERT = sql("""
insert into ai.pipeline_step_run
    (workspace_id, run_id, step, item, place, kind, is_fan, is_tolerated, depends_on, state, item_key, item_value, bound_micros)
values (
    %(workspace_id)s, %(run_id)s, %(step)s, %(item)s, %(place)s, %(kind)s, %(is_fan)s, %(is_tolerated)s, %(depends_on)s, 'waiting',
    %(item_key)s, %(item_value)s, %(bound_micros)s
)
on conflict (workspace_id, run_id, step, item) do nothing
""")

# The scheduler: whatever waits and has all it waits for is taken, in one statement. An item has what its step had; one that
# was taken by somebody who is gone before anything began (`due_at` has passed) is taken again, as the same try.
TAKE_READY = fragment("""
update ai.pipeline_step_run as s
set state = 'running', due_at = %(lease_until)s, ready_at = null,
    tries = s.tries + (s.state = 'waiting')::integer, attempts = s.attempts + (s.state = 'waiting')::integer,
    started_at = case when s.state = 'waiting' then %(now)s else s.started_at end
where s.workspace_id = %(workspace_id)s and s.run_id = %(run_id)s
  and (
      (s.state = 'waiting' and (s.ready_at is null or s.ready_at <= %(now)s))
      or (s.state = 'running' and s.due_at <= %(now)s and not exists (
          select 1 from ai.generation as g where g.workspace_id = s.workspace_id and g.id = s.generation_id
      ))
  )
  and (s.item >= 0 or not exists (
      select 1
      from ai.pipeline_step_run as before
      where before.workspace_id = s.workspace_id and before.run_id = s.run_id and before.item = -1
        and before.step = any(s.depends_on)
        and before.state not in ('succeeded', 'skipped')
        and not (before.state = 'failed' and before.is_tolerated)
  ))
returning {columns}
""").fill(columns=COLUMNS)

LIST = fragment("""
select {columns}
from ai.pipeline_step_run
where workspace_id = %(workspace_id)s and run_id = %(run_id)s
order by place, item
""").fill(columns=COLUMNS)

# `tries` is the fence: a worker that was given up on changes nothing any more.
NOTE_BEGUN = sql("""
update ai.pipeline_step_run
set inputs_hash = %(inputs_hash)s, generation_id = %(generation_id)s, is_called = %(is_called)s, reserved_micros = %(reserved_micros)s,
    due_at = %(due_at)s, state = %(state)s
where workspace_id = %(workspace_id)s and run_id = %(run_id)s and step = %(step)s and item = %(item)s
  and tries = %(tries)s and state = 'running'
""")

FINISH = sql("""
update ai.pipeline_step_run
set state = %(state)s, output = %(output)s, error_code = %(error_code)s, error_detail = %(error_detail)s,
    reserved_micros = 0, is_called = false, ready_at = %(ready_at)s, due_at = null,
    generation_id = case when %(state)s = 'waiting' then null else generation_id end,
    finished_at = case when %(state)s = 'waiting' then null else %(now)s::timestamptz end
where workspace_id = %(workspace_id)s and run_id = %(run_id)s and step = %(step)s and item = %(item)s
  and tries = %(tries)s and state in ('running', 'awaiting_approval')
""")

LIST_ENDED_GENERATIONS = sql("""
select s.step, s.item, g.status, g.output, g.output_schema, g.asset_ids, g.error_code, g.error_detail
from ai.pipeline_step_run as s
join ai.generation as g on g.workspace_id = s.workspace_id and g.id = s.generation_id
where s.workspace_id = %(workspace_id)s and s.run_id = %(run_id)s and s.state = 'running'
  and g.status not in ('queued', 'running')
""")

CANCEL_OPEN = sql("""
update ai.pipeline_step_run
set state = 'canceled', due_at = null, ready_at = null, finished_at = %(now)s, reserved_micros = 0
where workspace_id = %(workspace_id)s and run_id = %(run_id)s and state in ('waiting', 'running', 'awaiting_approval')
""")

# Steps from which a run goes on lose what they made; of one that failed for some of its items, the others keep theirs.
RESET_WHOLE = sql("""
update ai.pipeline_step_run
set state = 'waiting', attempts = 0, output = null, inputs_hash = null, generation_id = null, error_code = null, error_detail = null,
    is_called = false, ready_at = null, started_at = null, finished_at = null, due_at = null
where workspace_id = %(workspace_id)s and run_id = %(run_id)s and step = any(%(steps)s) and item = -1
""")

DROP_ITEMS = sql("""
delete from ai.pipeline_step_run where workspace_id = %(workspace_id)s and run_id = %(run_id)s and step = any(%(steps)s) and item >= 0
""")

RESET_FAILED = sql("""
update ai.pipeline_step_run
set state = case when is_fan and item = -1 and inputs_hash is not null then 'running' else 'waiting' end,
    attempts = 0, output = null, generation_id = null,
    error_code = null, error_detail = null, is_called = false, ready_at = null, finished_at = null, due_at = null
where workspace_id = %(workspace_id)s and run_id = %(run_id)s and step = any(%(steps)s)
  and state in ('failed', 'canceled')
""")

# What a run has spent and what it may still be charged for: settled generations by what they cost, others by what is held.
COMMITTED = sql("""
select (
    coalesce((
        select sum(case when g.settlement = 'held' then g.held_micros else g.charged_micros end)
        from ai.generation as g where g.workspace_id = %(workspace_id)s and g.job = %(job)s and g.id <> %(generation_id)s
    ), 0) + coalesce((
        select sum(s.reserved_micros)
        from ai.pipeline_step_run as s
        where s.workspace_id = %(workspace_id)s and s.run_id = %(run_id)s and s.state = 'running' and not exists (
            select 1 from ai.generation as g where g.workspace_id = s.workspace_id and g.id = s.generation_id
        ) and not (s.step = %(step)s and s.item = %(item)s)
    ), 0)
)::bigint
""")

WAIT_FOR = sql("""
update ai.pipeline_step_run set due_at = %(due_at)s
where workspace_id = %(workspace_id)s and run_id = %(run_id)s and step = %(step)s and item = %(item)s
  and tries = %(tries)s and state = 'running'
""")

FIND_RUN_OF_GENERATION = sql("""
select run_id from ai.pipeline_step_run where workspace_id = %(workspace_id)s and generation_id = %(generation_id)s
""")


@dataclass(frozen=True, slots=True)
class StepRow:
    """How far a step of a run is, or one of its items."""

    step: str
    item: int
    place: int
    kind: StepKind
    is_fan: bool
    is_tolerated: bool
    depends_on: list[str]
    state: StepState = "waiting"
    item_key: str | None = None
    item_value: Any = None
    tries: int = 0
    attempts: int = 0
    inputs_hash: bytes | None = None
    output: dict[str, Any] | None = None
    generation_id: UUID | None = None
    is_called: bool = False
    bound_micros: int = 0
    reserved_micros: int = 0
    error_code: str | None = None
    error_detail: str | None = None
    ready_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def item_number(self) -> int | None:
        """Which of a list it is, from 0; None for a step altogether."""
        return None if self.item < 0 else self.item

    @property
    def is_parent(self) -> bool:
        """Whether it only stands for its items."""
        return self.is_fan and self.item < 0


@dataclass(frozen=True, slots=True)
class EndedGeneration:
    """How the generation of a running step ended."""

    step: str
    item: int
    status: str
    output: str | None
    output_schema: dict[str, Any] | None
    asset_ids: list[UUID] = field(default_factory=list)
    error_code: str | None = None
    error_detail: str | None = None


async def insert(tx: Transaction, rows: Sequence[StepRow], *, workspace_id: UUID, run_id: UUID) -> None:
    """Rows that wait; those that are there stay as they are."""
    plain = ("step", "item", "place", "kind", "is_fan", "is_tolerated", "depends_on", "item_key", "bound_micros")
    await tx.execute_many(
        INSERT,
        [
            {
                "workspace_id": workspace_id,
                "run_id": run_id,
                **{name: getattr(row, name) for name in plain},
                "item_value": None if row.item_value is None else Jsonb(row.item_value),
            }
            for row in rows
        ],
    )


async def take_ready(tx: Transaction, *, workspace_id: UUID, run_id: UUID, now: datetime, lease_until: datetime) -> list[StepRow]:
    """Takes all steps that can begin."""
    return await tx.fetch_all(StepRow, TAKE_READY, {"workspace_id": workspace_id, "run_id": run_id, "now": now, "lease_until": lease_until})


async def list_rows(tx: Transaction, *, workspace_id: UUID, run_id: UUID) -> list[StepRow]:
    """All rows of a run, in the order of its steps, each step before its items."""
    return await tx.fetch_all(StepRow, LIST, {"workspace_id": workspace_id, "run_id": run_id})


async def note_begun(
    tx: Transaction,
    row: StepRow,
    *,
    workspace_id: UUID,
    run_id: UUID,
    inputs_hash: bytes,
    due_at: datetime | None,
    generation_id: UUID | None = None,
    is_called: bool = False,
    reserved_micros: int = 0,
    state: StepState = "running",
) -> bool:
    """What a try is about to do; False where it is not this worker's any more."""
    told = {"inputs_hash": inputs_hash, "generation_id": generation_id, "is_called": is_called, "reserved_micros": reserved_micros}
    parameters = {**_key(row, workspace_id, run_id), **told, "due_at": due_at, "state": state}
    return await tx.execute(NOTE_BEGUN, parameters) == 1


async def finish(
    tx: Transaction,
    row: StepRow,
    *,
    workspace_id: UUID,
    run_id: UUID,
    state: StepState,
    now: datetime,
    output: Mapping[str, Any] | None = None,
    code: str | None = None,
    detail: str | None = None,
    ready_at: datetime | None = None,
) -> bool:
    """How a try ended ("waiting": another follows at `ready_at`); False where it is not this worker's any more."""
    said = {"state": state, "error_code": code, "error_detail": detail, "ready_at": ready_at, "now": now}
    kept = {"output": None if output is None else Jsonb(dict(output))}
    return await tx.execute(FINISH, {**_key(row, workspace_id, run_id), **said, **kept}) == 1


async def committed(tx: Transaction, row: StepRow, *, workspace_id: UUID, run_id: UUID, generation_id: UUID) -> int:
    """What the run has spent or promised, without this try."""
    return await tx.fetch_value(int, COMMITTED, {**_key(row, workspace_id, run_id), "job": str(run_id), "generation_id": generation_id})


async def wait_for(tx: Transaction, row: StepRow, *, workspace_id: UUID, run_id: UUID, due_at: datetime) -> None:
    """Its generation is under way; it is given up on at `due_at`."""
    await tx.execute(WAIT_FOR, {**_key(row, workspace_id, run_id), "due_at": due_at})


async def list_ended_generations(tx: Transaction, *, workspace_id: UUID, run_id: UUID) -> list[EndedGeneration]:
    """What the generations of running steps have come to."""
    return await tx.fetch_all(EndedGeneration, LIST_ENDED_GENERATIONS, {"workspace_id": workspace_id, "run_id": run_id})


async def cancel_open(tx: Transaction, *, workspace_id: UUID, run_id: UUID, now: datetime) -> None:
    """Nothing of the run goes on."""
    await tx.execute(CANCEL_OPEN, {"workspace_id": workspace_id, "run_id": run_id, "now": now})


async def reset(tx: Transaction, *, workspace_id: UUID, run_id: UUID, whole: Sequence[str], failed: Sequence[str]) -> None:
    """Lets the steps of `whole` be done anew, and of those of `failed` what failed or was canceled."""
    own = {"workspace_id": workspace_id, "run_id": run_id}
    await tx.execute(DROP_ITEMS, {**own, "steps": list(whole)})
    await tx.execute(RESET_WHOLE, {**own, "steps": list(whole)})
    await tx.execute(RESET_FAILED, {**own, "steps": list(failed)})


async def find_run_of(tx: Transaction, *, workspace_id: UUID, generation_id: UUID) -> UUID | None:
    """The run that a generation is part of."""
    return await tx.find_value(UUID, FIND_RUN_OF_GENERATION, {"workspace_id": workspace_id, "generation_id": generation_id})


def _key(row: StepRow, workspace_id: UUID, run_id: UUID) -> dict[str, object]:
    return {"workspace_id": workspace_id, "run_id": run_id, "step": row.step, "item": row.item, "tries": row.tries}
