"""SQL of generations."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from nexusone.modules.ai.domain.lifecycle import Outcome, Settlement, Status
from nexusone.modules.ai.domain.tariff import Tariff, Usage
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

COLUMNS = fragment("""
    id, kind, status, settlement, requested_by, locale, prompt, output_schema, vendor, model, asked_model, output_tokens_max,
    input_price_micros, output_price_micros, credits_per_dollar, margin_percent, held_micros, charged_micros, calls,
    input_tokens, output_tokens, output, finish_reason, error_code, error_detail, created_at, finished_at, due_at
""")

INSERT = sql("""
insert into ai.generation (
    workspace_id, id, kind, status, settlement, requested_by, locale, prompt, prompt_hash, output_schema, vendor, model, asked_model,
    output_tokens_max, input_price_micros, output_price_micros, credits_per_dollar, margin_percent, held_micros,
    created_at, due_at
)
values (
    %(workspace_id)s, %(id)s, %(kind)s, 'queued', 'held', %(requested_by)s, %(locale)s, %(prompt)s, %(prompt_hash)s,
    %(output_schema)s, %(vendor)s, %(model)s, %(asked_model)s, %(output_tokens_max)s, %(input_price_micros)s, %(output_price_micros)s,
    %(credits_per_dollar)s, %(margin_percent)s, %(held_micros)s, %(created_at)s, %(due_at)s
)
""")

DELETE_QUEUED = sql("""
delete from ai.generation where workspace_id = %(workspace_id)s and id = %(id)s and status = 'queued'
""")

DEFER = sql("""
update ai.generation set due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'queued'
""")

START = fragment("""
update ai.generation set status = 'running', calls = 1, started_at = %(now)s, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'queued'
returning {columns}
""").fill(columns=COLUMNS)

BEGIN_CALL = sql("""
update ai.generation
set calls = calls + 1, input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'running'
""")

LOCK = fragment("""
select {columns}
from ai.generation
where workspace_id = %(workspace_id)s and id = %(id)s
for update
""").fill(columns=COLUMNS)

RECORD_OUTCOME = fragment("""
update ai.generation
set status = %(status)s, settlement = %(settlement)s, charged_micros = %(charged_micros)s,
    input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s,
    output = %(output)s, output_hash = %(output_hash)s, finish_reason = %(finish_reason)s,
    model_version = %(model_version)s, vendor_reference = %(vendor_reference)s,
    error_code = %(error_code)s, error_detail = %(error_detail)s,
    finished_at = %(now)s, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s
returning {columns}
""").fill(columns=COLUMNS)

OWE = fragment("""
update ai.generation
set settlement = 'due', charged_micros = %(charged_micros)s, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s
returning {columns}
""").fill(columns=COLUMNS)

SETTLED = sql("""
update ai.generation set settlement = 'done', due_at = null
where workspace_id = %(workspace_id)s and id = %(id)s and settlement = 'due'
""")

FIND = fragment("""
select {columns}
from ai.generation
where workspace_id = %(workspace_id)s and id = %(id)s
""").fill(columns=COLUMNS)

LIST = fragment("""
select {columns}
from ai.generation
where workspace_id = %(workspace_id)s and (%(after)s::uuid is null or id < %(after)s)
order by id desc
limit %(limit)s
""").fill(columns=COLUMNS)

LIST_DUE = sql("""
select workspace_id, id from ai.generation where due_at <= %(now)s order by due_at limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """A generation with what it is charged by; prices as they were when it was asked for."""

    id: UUID
    kind: str
    status: Status
    settlement: Settlement
    requested_by: str
    locale: str
    prompt: str
    output_schema: dict[str, Any] | None
    vendor: str
    model: str
    asked_model: str | None
    output_tokens_max: int
    input_price_micros: int
    output_price_micros: int
    credits_per_dollar: int
    margin_percent: int
    held_micros: int
    charged_micros: int
    calls: int
    input_tokens: int
    output_tokens: int
    output: str | None
    finish_reason: str | None
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    finished_at: datetime | None
    due_at: datetime | None

    @property
    def tariff(self) -> Tariff:
        """The prices it was promised at."""
        return Tariff(self.input_price_micros, self.output_price_micros, self.credits_per_dollar, self.margin_percent)

    def is_due(self, now: datetime) -> bool:
        """Whether somebody must look after it."""
        return self.due_at is not None and self.due_at <= now

    @property
    def usage(self) -> Usage:
        """The tokens known to be used."""
        return Usage(self.input_tokens, self.output_tokens)


@dataclass(frozen=True, slots=True)
class DueRow:
    """A generation somebody must look after."""

    workspace_id: UUID
    id: UUID


async def insert(tx: Transaction, row: GenerationRow, *, workspace_id: UUID) -> None:
    """A new generation, queued."""
    await tx.execute(
        INSERT,
        {
            "workspace_id": workspace_id,
            "id": row.id,
            "kind": row.kind,
            "requested_by": row.requested_by,
            "locale": row.locale,
            "prompt": row.prompt,
            "prompt_hash": sha256(row.prompt.encode()).digest(),
            "output_schema": None if row.output_schema is None else Json(row.output_schema),
            "vendor": row.vendor,
            "model": row.model,
            "asked_model": row.asked_model,
            "output_tokens_max": row.output_tokens_max,
            "input_price_micros": row.input_price_micros,
            "output_price_micros": row.output_price_micros,
            "credits_per_dollar": row.credits_per_dollar,
            "margin_percent": row.margin_percent,
            "held_micros": row.held_micros,
            "created_at": row.created_at,
            "due_at": row.due_at,
        },
    )


async def delete_queued(tx: Transaction, *, workspace_id: UUID, generation_id: UUID) -> None:
    """Forgets a generation that was never begun."""
    await tx.execute(DELETE_QUEUED, {"workspace_id": workspace_id, "id": generation_id})


async def defer(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, due_at: datetime) -> bool:
    """Lets a queued generation wait until `due_at`; False where it is not queued any more."""
    return await tx.execute(DEFER, {"workspace_id": workspace_id, "id": generation_id, "due_at": due_at}) == 1


async def start(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, now: datetime, due_at: datetime) -> GenerationRow | None:
    """Takes a queued generation into work, for one caller only; None for everybody else."""
    return await tx.find_one(GenerationRow, START, {"workspace_id": workspace_id, "id": generation_id, "now": now, "due_at": due_at})


async def begin_call(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, usage: Usage, due_at: datetime) -> bool:
    """Notes one more call and what the former ones used; False where the generation has ended meanwhile."""
    parameters = {"workspace_id": workspace_id, "id": generation_id, "due_at": due_at}
    return await tx.execute(BEGIN_CALL, {**parameters, "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}) == 1


async def find_locked(tx: Transaction, *, workspace_id: UUID, generation_id: UUID) -> GenerationRow | None:
    """A generation, locked until the transaction ends."""
    return await tx.find_one(GenerationRow, LOCK, {"workspace_id": workspace_id, "id": generation_id})


async def record_outcome(
    tx: Transaction,
    *,
    workspace_id: UUID,
    generation_id: UUID,
    outcome: Outcome,
    settlement: Settlement,
    charged_micros: int,
    now: datetime,
    due_at: datetime,
) -> GenerationRow:
    """How a generation ended."""
    return await tx.fetch_one(
        GenerationRow,
        RECORD_OUTCOME,
        {
            "workspace_id": workspace_id,
            "id": generation_id,
            "status": outcome.status,
            "settlement": settlement,
            "charged_micros": charged_micros,
            "input_tokens": outcome.usage.input_tokens,
            "output_tokens": outcome.usage.output_tokens,
            "output": outcome.output,
            "output_hash": None if outcome.output is None else sha256(outcome.output.encode()).digest(),
            "finish_reason": outcome.finish_reason,
            "model_version": outcome.model_version,
            "vendor_reference": outcome.vendor_reference,
            "error_code": outcome.error_code,
            "error_detail": outcome.error_detail,
            "now": now,
            "due_at": due_at,
        },
    )


async def owe(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, charged_micros: int, due_at: datetime) -> GenerationRow:
    """Sets what is to be settled."""
    parameters = {"workspace_id": workspace_id, "id": generation_id, "charged_micros": charged_micros, "due_at": due_at}
    return await tx.fetch_one(GenerationRow, OWE, parameters)


async def mark_settled(tx: Transaction, *, workspace_id: UUID, generation_id: UUID) -> None:
    """Nothing is open any more."""
    await tx.execute(SETTLED, {"workspace_id": workspace_id, "id": generation_id})


async def find(tx: Transaction, *, workspace_id: UUID, generation_id: UUID) -> GenerationRow | None:
    """A generation, or None."""
    return await tx.find_one(GenerationRow, FIND, {"workspace_id": workspace_id, "id": generation_id})


async def list_page(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[GenerationRow]:
    """Generations, newest first."""
    return await tx.fetch_all(GenerationRow, LIST, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def list_due(tx: Transaction, *, now: datetime, limit: int) -> list[DueRow]:
    """What must be looked after, over all workspaces; for the system context."""
    return await tx.fetch_all(DueRow, LIST_DUE, {"now": now, "limit": limit})
