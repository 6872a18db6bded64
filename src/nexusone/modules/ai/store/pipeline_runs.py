"""SQL of pipeline runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.modules.ai.contracts.pipeline_runs import RunStatus
from nexusone.modules.ai.contracts.pipelines import BudgetMode
from nexusone.platform.database import Transaction
from nexusone.platform.origin import Principal, PrincipalKind
from nexusone.platform.sql import fragment, sql

COLUMNS = fragment("""
    id, pipeline_id, version, status, settlement, inputs, feedback, budget, budget_micros, holds, held_micros, started_by_kind,
    started_by_id, is_test, error_code, error_detail, created_at, deadline_at, finished_at, due_at
""")

INSERT = sql("""
insert into ai.pipeline_run (
    workspace_id, id, pipeline_id, version, status, settlement, inputs, budget, budget_micros, held_micros, started_by_kind,
    started_by_id, is_test, created_at, deadline_at, due_at
)
values (
    %(workspace_id)s, %(id)s, %(pipeline_id)s, %(version)s, 'queued', 'open', %(inputs)s, %(budget)s, %(budget_micros)s,
    %(held_micros)s, %(started_by_kind)s, %(started_by_id)s, %(is_test)s, %(created_at)s, %(deadline_at)s, %(due_at)s
)
""")

DELETE_QUEUED = sql("""
with steps as (
    delete from ai.pipeline_step_run as s
    where s.workspace_id = %(workspace_id)s and s.run_id = %(id)s and exists (
        select 1 from ai.pipeline_run as r where r.workspace_id = s.workspace_id and r.id = s.run_id and r.status = 'queued'
    )
)
delete from ai.pipeline_run where workspace_id = %(workspace_id)s and id = %(id)s and status = 'queued'
""")

BEGIN = fragment("""
update ai.pipeline_run set status = 'running', due_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'queued'
returning {columns}
""").fill(columns=COLUMNS)

FIND = fragment("select {columns} from ai.pipeline_run where workspace_id = %(workspace_id)s and id = %(id)s").fill(columns=COLUMNS)

LOCK = fragment("""
select {columns} from ai.pipeline_run where workspace_id = %(workspace_id)s and id = %(id)s for update
""").fill(columns=COLUMNS)

LIST = fragment("""
select {columns}
from ai.pipeline_run
where workspace_id = %(workspace_id)s
  and (%(pipeline_id)s::uuid is null or pipeline_id = %(pipeline_id)s)
  and (%(status)s::text is null or status = %(status)s)
  and (%(after)s::uuid is null or id < %(after)s)
order by id desc
limit %(limit)s
""").fill(columns=COLUMNS)

END = fragment("""
update ai.pipeline_run
set status = %(status)s, error_code = %(error_code)s, error_detail = %(error_detail)s, finished_at = %(now)s, due_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and status in ('queued', 'running')
returning {columns}
""").fill(columns=COLUMNS)

SET_DUE = sql("""
update ai.pipeline_run set due_at = %(due_at)s where workspace_id = %(workspace_id)s and id = %(id)s
""")

SETTLED = sql("""
update ai.pipeline_run set settlement = 'done', due_at = null
where workspace_id = %(workspace_id)s and id = %(id)s and status in ('succeeded', 'failed', 'canceled')
""")

REOPEN = fragment("""
update ai.pipeline_run
set status = 'queued', settlement = 'open', budget_micros = %(budget_micros)s, held_micros = %(held_micros)s, holds = holds + 1,
    error_code = null, error_detail = null, finished_at = null, deadline_at = %(deadline_at)s, due_at = %(due_at)s,
    started_by_kind = %(started_by_kind)s, started_by_id = %(started_by_id)s
where workspace_id = %(workspace_id)s and id = %(id)s and status in ('failed', 'canceled') and settlement = 'done'
returning {columns}
""").fill(columns=COLUMNS)

SAY = sql("""
update ai.pipeline_run set feedback = %(feedback)s where workspace_id = %(workspace_id)s and id = %(id)s
""")

# What generations of the run were charged, whichever of its tries made them.
CHARGED = sql("""
select job, sum(charged_micros)::bigint as micros
from ai.generation
where workspace_id = %(workspace_id)s and job = any(%(ids)s)
group by job
""")

LIST_OPEN_GENERATIONS = sql("""
select id, status from ai.generation
where workspace_id = %(workspace_id)s and job = %(job)s and settlement <> 'done'
""")

LIST_DUE = sql("""
select workspace_id, id from ai.pipeline_run where due_at <= %(now)s order by due_at limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run; `holds` counts how often its budget was held, the last time `held_micros` of it."""

    id: UUID
    pipeline_id: UUID
    version: int
    inputs: dict[str, Any]
    budget: BudgetMode
    budget_micros: int
    held_micros: int
    started_by_kind: str
    started_by_id: UUID | None
    is_test: bool
    created_at: datetime
    deadline_at: datetime
    due_at: datetime | None
    status: RunStatus = "queued"
    settlement: Literal["open", "done"] = "open"
    feedback: str = ""
    holds: int = 1
    error_code: str | None = None
    error_detail: str | None = None
    finished_at: datetime | None = None

    @property
    def hold_key(self) -> str:
        """The key of the hold of its whole budget."""
        return f"pipeline:{self.id}:{self.holds}"

    @property
    def funding(self) -> str | None:
        """What pays for its generations, where they do not pay by themselves."""
        return self.hold_key if self.budget == "whole" and self.held_micros else None

    @property
    def starter(self) -> Principal:
        """Who started it, whose rights are looked up anew each time."""
        kind = cast("PrincipalKind", self.started_by_kind)
        return Principal(kind=kind, id=self.started_by_id, permissions=frozenset({"*"}))


@dataclass(frozen=True, slots=True)
class Charged:
    """What the generations of one run were charged."""

    job: str
    micros: int


@dataclass(frozen=True, slots=True)
class OpenGeneration:
    """A generation that has not ended, or whose credits are not settled."""

    id: UUID
    status: str


@dataclass(frozen=True, slots=True)
class DueRun:
    """A run that somebody must look after."""

    workspace_id: UUID
    id: UUID


async def insert(tx: Transaction, row: RunRow, *, workspace_id: UUID) -> None:
    """A new run, queued."""
    plain = (
        *("id", "pipeline_id", "version", "budget", "budget_micros", "held_micros", "started_by_kind", "started_by_id"),
        *("is_test", "created_at", "deadline_at", "due_at"),
    )
    kept = {name: getattr(row, name) for name in plain}
    await tx.execute(INSERT, {"workspace_id": workspace_id, **kept, "inputs": Jsonb(row.inputs)})


async def delete_queued(tx: Transaction, *, workspace_id: UUID, run_id: UUID) -> None:
    """Forgets a run that was never begun."""
    await tx.execute(DELETE_QUEUED, {"workspace_id": workspace_id, "id": run_id})


async def begin(tx: Transaction, *, workspace_id: UUID, run_id: UUID, now: datetime) -> RunRow | None:
    """Lets a queued run run; None where it is not queued any more."""
    return await tx.find_one(RunRow, BEGIN, {"workspace_id": workspace_id, "id": run_id, "now": now})


async def find(tx: Transaction, *, workspace_id: UUID, run_id: UUID) -> RunRow | None:
    """A run."""
    return await tx.find_one(RunRow, FIND, {"workspace_id": workspace_id, "id": run_id})


async def find_locked(tx: Transaction, *, workspace_id: UUID, run_id: UUID) -> RunRow | None:
    """A run, locked until the transaction ends."""
    return await tx.find_one(RunRow, LOCK, {"workspace_id": workspace_id, "id": run_id})


async def list_page(
    tx: Transaction, *, workspace_id: UUID, pipeline_id: UUID | None, status: str | None, after: UUID | None, limit: int
) -> list[RunRow]:
    """Runs, newest first."""
    parameters = {"workspace_id": workspace_id, "pipeline_id": pipeline_id, "status": status, "after": after, "limit": limit}
    return await tx.fetch_all(RunRow, LIST, parameters)


async def end(
    tx: Transaction, *, workspace_id: UUID, run_id: UUID, status: str, code: str | None, detail: str | None, now: datetime
) -> RunRow | None:
    """Ends a run; None where it has ended."""
    said = {"status": status, "error_code": code, "error_detail": detail, "now": now}
    return await tx.find_one(RunRow, END, {"workspace_id": workspace_id, "id": run_id, **said})


async def set_due(tx: Transaction, *, workspace_id: UUID, run_id: UUID, due_at: datetime) -> None:
    """When somebody must look again."""
    await tx.execute(SET_DUE, {"workspace_id": workspace_id, "id": run_id, "due_at": due_at})


async def mark_settled(tx: Transaction, *, workspace_id: UUID, run_id: UUID) -> None:
    """Nothing of an ended run is open any more."""
    await tx.execute(SETTLED, {"workspace_id": workspace_id, "id": run_id})


async def reopen(
    tx: Transaction,
    *,
    workspace_id: UUID,
    run_id: UUID,
    budget_micros: int,
    held_micros: int,
    deadline_at: datetime,
    due_at: datetime,
    starter: Principal,
) -> RunRow | None:
    """Queues an ended and settled run again; None for all others."""
    parameters = {"workspace_id": workspace_id, "id": run_id, "budget_micros": budget_micros, "held_micros": held_micros}
    by = {"started_by_kind": starter.kind, "started_by_id": starter.id}
    return await tx.find_one(RunRow, REOPEN, {**parameters, **by, "deadline_at": deadline_at, "due_at": due_at})


async def say(tx: Transaction, *, workspace_id: UUID, run_id: UUID, feedback: str) -> None:
    """What a reviewer asked to be changed, for the templates of what is done again."""
    await tx.execute(SAY, {"workspace_id": workspace_id, "id": run_id, "feedback": feedback})


async def charged(tx: Transaction, *, workspace_id: UUID, run_ids: list[UUID]) -> dict[UUID, int]:
    """What runs were charged so far."""
    rows = await tx.fetch_all(Charged, CHARGED, {"workspace_id": workspace_id, "ids": [str(run_id) for run_id in run_ids]})
    return {UUID(row.job): row.micros for row in rows}


async def list_open_generations(tx: Transaction, *, workspace_id: UUID, run_id: UUID) -> list[OpenGeneration]:
    """Generations of a run that something is still open of."""
    return await tx.fetch_all(OpenGeneration, LIST_OPEN_GENERATIONS, {"workspace_id": workspace_id, "job": str(run_id)})


async def list_due(tx: Transaction, *, now: datetime, limit: int) -> list[DueRun]:
    """Runs of all workspaces whose time has come."""
    return await tx.fetch_all(DueRun, LIST_DUE, {"now": now, "limit": limit})
