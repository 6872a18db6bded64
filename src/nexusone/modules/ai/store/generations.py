"""SQL of generations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from nexusone.modules.ai.domain.lifecycle import Outcome, Settlement, Status
from nexusone.modules.ai.domain.tariff import Tariff, Usage
from nexusone.modules.ai.ports.models import Kind, Price
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context
from nexusone.platform.sql import fragment, sql

Origin = Literal["api", "gateway"]
"""Asked for as a generation, or passed on in the wire of others."""

COLUMNS = fragment("""
    id, kind, status, settlement, requested_by, locale, prompt, output_schema, request, vendor, model, asked_model, fallbacks,
    output_tokens_max, prices, traits, credits_per_dollar, margin_percent, held_micros, charged_micros, cost_nano, calls, looks,
    input_tokens, output_tokens, images, seconds, characters, requests, output, asset_ids, progress, finish_reason, vendor_reference,
    model_version, edits, is_human_edited, edited_by, edited_at, disposition, disposed_by, disposed_at,
    error_code, error_detail, safety, retry_of, job, funding, is_test, instructions, brand_voice_id, sources, created_at, finished_at,
    cancel_asked_at, due_at, is_own_key, called_at, origin, prompt_hash
""")

INSERT = sql("""
insert into ai.generation (
    workspace_id, id, kind, status, settlement, requested_by, locale, prompt, prompt_hash, output_schema, request, vendor, model,
    asked_model, fallbacks, output_tokens_max, prices, traits, credits_per_dollar, margin_percent, held_micros, safety, retry_of, job,
    funding, is_test, instructions, brand_voice_id, sources, created_at, due_at, is_own_key
)
values (
    %(workspace_id)s, %(id)s, %(kind)s, 'queued', 'held', %(requested_by)s, %(locale)s, %(prompt)s, %(prompt_hash)s,
    %(output_schema)s, %(request)s, %(vendor)s, %(model)s, %(asked_model)s, %(fallbacks)s, %(output_tokens_max)s, %(prices)s,
    %(traits)s, %(credits_per_dollar)s, %(margin_percent)s, %(held_micros)s, %(safety)s, %(retry_of)s, %(job)s, %(funding)s,
    %(is_test)s, %(instructions)s, %(brand_voice_id)s, %(sources)s, %(created_at)s, %(due_at)s, %(is_own_key)s
)
on conflict (workspace_id, id) do nothing
""")

DELETE_QUEUED = sql("""
delete from ai.generation where workspace_id = %(workspace_id)s and id = %(id)s and status = 'queued'
""")

DEFER = sql("""
update ai.generation set due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'queued'
""")

START = fragment("""
update ai.generation set status = 'running', calls = 1, started_at = %(now)s, called_at = %(now)s, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'queued'
  and (%(running_max)s::integer is null or (
      select count(*) from ai.generation as others where others.workspace_id = %(workspace_id)s and others.status = 'running'
  ) < %(running_max)s)
returning {columns}
""").fill(columns=COLUMNS)

BEGIN_CALL = fragment("""
update ai.generation
set calls = calls + %(calls)s, input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s, images = %(images)s,
    seconds = %(seconds)s, characters = %(characters)s, requests = %(requests)s,
    vendor = %(vendor)s, model = %(model)s, prices = %(prices)s, traits = %(traits)s, margin_percent = %(margin_percent)s,
    is_own_key = %(is_own_key)s, called_at = %(now)s, vendor_reference = null, progress = null, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'running'
returning {columns}
""").fill(columns=COLUMNS)

NOTE_BEGUN = fragment("""
update ai.generation
set status = 'running', settlement = 'held', vendor_reference = %(vendor_reference)s, progress = %(progress)s, looks = looks + 1,
    due_at = %(due_at)s, error_code = null, error_detail = null, finished_at = null
where workspace_id = %(workspace_id)s and id = %(id)s and (status = 'running' or (status = 'unknown' and settlement = 'held'))
returning {columns}
""").fill(columns=COLUMNS)

LOOK_LATER = sql("""
update ai.generation set looks = looks + 1, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and (status = 'running' or (status = 'unknown' and settlement = 'held'))
""")

ASK_TO_CANCEL = fragment("""
update ai.generation set cancel_asked_at = coalesce(cancel_asked_at, %(now)s)
where workspace_id = %(workspace_id)s and id = %(id)s and status in ('queued', 'running')
returning {columns}
""").fill(columns=COLUMNS)

LOCK = fragment("""
select {columns}
from ai.generation
where workspace_id = %(workspace_id)s and id = %(id)s
for update
""").fill(columns=COLUMNS)

RECORD_OUTCOME = fragment("""
update ai.generation
set status = %(status)s, settlement = %(settlement)s, charged_micros = %(charged_micros)s, cost_nano = %(cost_nano)s,
    input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s, images = %(images)s, seconds = %(seconds)s,
    characters = %(characters)s, requests = %(requests)s,
    output = %(output)s, output_hash = %(output_hash)s, asset_ids = %(asset_ids)s, finish_reason = %(finish_reason)s,
    model_version = %(model_version)s, vendor_reference = coalesce(%(vendor_reference)s, vendor_reference),
    error_code = %(error_code)s, error_detail = %(error_detail)s, safety = coalesce(%(safety)s, safety),
    progress = case when %(status)s = 'succeeded' then 100 else progress end,
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
returning id
""")

NOTE_SAFETY = sql("""
update ai.generation set safety = %(safety)s where workspace_id = %(workspace_id)s and id = %(id)s and status = 'running'
""")

FIND = fragment("""
select {columns}
from ai.generation
where workspace_id = %(workspace_id)s and id = %(id)s
""").fill(columns=COLUMNS)

LIST = fragment("""
select {columns}
from ai.generation
where workspace_id = %(workspace_id)s
  and (%(after)s::uuid is null or id < %(after)s)
  and (%(kind)s::text is null or kind = %(kind)s)
  and (%(status)s::text is null or status = %(status)s)
order by id desc
limit %(limit)s
""").fill(columns=COLUMNS)

LIST_DUE = sql("""
select workspace_id, id from ai.generation where due_at <= %(now)s order by due_at limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class _Marked:
    id: UUID


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """A generation with what it is charged by; prices as they were when it was asked for."""

    id: UUID
    kind: Kind
    requested_by: str
    locale: str | None
    prompt: str
    vendor: str
    model: str
    prices: list[dict[str, Any]]
    credits_per_dollar: int
    margin_percent: int
    held_micros: int
    created_at: datetime
    output_schema: dict[str, Any] | None = None
    request: dict[str, Any] | None = None
    asked_model: str | None = None
    fallbacks: list[str] = field(default_factory=list)
    output_tokens_max: int = 0
    traits: dict[str, str] = field(default_factory=dict)
    status: Status = "queued"
    settlement: Settlement = "held"
    charged_micros: int = 0
    cost_nano: int | None = None
    calls: int = 0
    looks: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    images: int = 0
    seconds: int = 0
    characters: int = 0
    requests: int = 0
    output: str | None = None
    asset_ids: list[UUID] = field(default_factory=list)
    progress: int | None = None
    finish_reason: str | None = None
    vendor_reference: str | None = None
    error_code: str | None = None
    error_detail: str | None = None
    safety: dict[str, Any] | None = None
    retry_of: UUID | None = None
    job: str | None = None
    # The key of the hold that pays for it, where it is not its own.
    funding: str | None = None
    is_test: bool = False
    instructions: str | None = None
    brand_voice_id: UUID | None = None
    sources: list[dict[str, Any]] | None = None
    model_version: str | None = None
    edits: int = 0
    is_human_edited: bool = False
    edited_by: str | None = None
    edited_at: datetime | None = None
    disposition: str | None = None
    disposed_by: str | None = None
    disposed_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_asked_at: datetime | None = None
    due_at: datetime | None = None
    is_own_key: bool = False
    called_at: datetime | None = None
    origin: Origin = "api"
    prompt_hash: bytes | None = None

    @property
    def tariff(self) -> Tariff:
        """The prices it was promised at."""
        prices = tuple(Price(price["unit"], price["micros"], price["per"], price["when"]) for price in self.prices)
        return Tariff(prices, self.credits_per_dollar, self.margin_percent, self.traits, is_own_key=self.is_own_key)

    @property
    def seconds_max(self) -> int | None:
        """How long one model may take for it, where that was asked for."""
        return None if self.request is None else self.request.get("max_seconds")

    @property
    def is_looked_up(self) -> bool:
        """Whether a vendor can be asked what became of it."""
        return self.kind != "text" and self.origin == "api"

    def is_due(self, now: datetime) -> bool:
        """Whether somebody must look after it."""
        return self.due_at is not None and self.due_at <= now

    @property
    def usage(self) -> Usage:
        """What is known to be used."""
        return Usage(self.input_tokens, self.output_tokens, self.images, self.seconds, self.characters, self.requests)


@dataclass(frozen=True, slots=True)
class DueRow:
    """A generation somebody must look after."""

    workspace_id: UUID
    id: UUID


def priced(prices: Sequence[Price]) -> list[dict[str, Any]]:
    """Prices as they are kept."""
    return [{"unit": price.unit, "micros": price.micros, "per": price.per, "when": dict(price.when)} for price in prices]


async def insert(tx: Transaction, row: GenerationRow, *, workspace_id: UUID) -> None:
    """A new generation, queued; one that is there stays as it is."""
    kept = {
        "output_schema": None if row.output_schema is None else Json(row.output_schema),
        "request": None if row.request is None else Jsonb(row.request),
        "prices": Jsonb(row.prices),
        "traits": Jsonb(row.traits),
        "safety": None if row.safety is None else Jsonb(row.safety),
        "sources": None if row.sources is None else Jsonb(row.sources),
        "prompt_hash": sha256(row.prompt.encode()).digest(),
    }
    plain = (
        *("id", "kind", "requested_by", "locale", "prompt", "vendor", "model", "asked_model", "fallbacks", "output_tokens_max"),
        *(
            "credits_per_dollar",
            "margin_percent",
            "held_micros",
            "retry_of",
            "job",
            "funding",
            "is_test",
            "instructions",
            "brand_voice_id",
            "created_at",
            "due_at",
            "is_own_key",
        ),
    )
    await tx.execute(INSERT, {"workspace_id": workspace_id, **{name: getattr(row, name) for name in plain}, **kept})


async def delete_queued(tx: Transaction, *, workspace_id: UUID, generation_id: UUID) -> None:
    """Forgets a generation that was never begun."""
    await tx.execute(DELETE_QUEUED, {"workspace_id": workspace_id, "id": generation_id})


async def defer(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, due_at: datetime) -> bool:
    """Lets a queued generation wait until `due_at`; False where it is not queued any more."""
    return await tx.execute(DEFER, {"workspace_id": workspace_id, "id": generation_id, "due_at": due_at}) == 1


async def start(
    tx: Transaction, *, workspace_id: UUID, generation_id: UUID, now: datetime, due_at: datetime, running_max: int | None = None
) -> GenerationRow | None:
    """Takes a queued generation into work, for one caller only; None for everybody else, and where `running_max` are running."""
    parameters = {"workspace_id": workspace_id, "id": generation_id, "now": now, "due_at": due_at, "running_max": running_max}
    return await tx.find_one(GenerationRow, START, parameters)


async def begin_call(
    tx: Transaction,
    *,
    workspace_id: UUID,
    generation_id: UUID,
    usage: Usage,
    vendor: str,
    model: str,
    tariff: Tariff,
    now: datetime,
    due_at: datetime,
    is_noted: bool = False,
) -> GenerationRow | None:
    """Notes one more call (or one that was noted before), of which model, and what the former ones used.

    None where the generation has ended meanwhile.
    """
    parameters = {"workspace_id": workspace_id, "id": generation_id, "now": now, "due_at": due_at, "vendor": vendor, "model": model}
    kept = {"prices": Jsonb(priced(tariff.prices)), "traits": Jsonb(dict(tariff.traits))}
    parameters |= {"margin_percent": tariff.margin_percent, "is_own_key": tariff.is_own_key, "calls": 0 if is_noted else 1}
    return await tx.find_one(GenerationRow, BEGIN_CALL, {**parameters, **kept, **_used(usage)})


async def note_begun(
    tx: Transaction, *, workspace_id: UUID, generation_id: UUID, vendor_reference: str, progress: int | None, due_at: datetime
) -> GenerationRow | None:
    """The vendor works on it, under its own reference; also where nobody knew that. None where it has ended."""
    parameters = {"workspace_id": workspace_id, "id": generation_id, "vendor_reference": vendor_reference, "progress": progress}
    return await tx.find_one(GenerationRow, NOTE_BEGUN, {**parameters, "due_at": due_at})


async def look_later(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, due_at: datetime) -> bool:
    """Somebody looks again at `due_at`; False where it has ended."""
    return await tx.execute(LOOK_LATER, {"workspace_id": workspace_id, "id": generation_id, "due_at": due_at}) == 1


async def ask_to_cancel(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, now: datetime) -> GenerationRow | None:
    """Notes that it is not wanted any more; None where it has ended."""
    return await tx.find_one(GenerationRow, ASK_TO_CANCEL, {"workspace_id": workspace_id, "id": generation_id, "now": now})


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
    plain = ("status", "output", "finish_reason", "model_version", "vendor_reference", "error_code", "error_detail", "cost_nano")
    return await tx.fetch_one(
        GenerationRow,
        RECORD_OUTCOME,
        {
            "workspace_id": workspace_id,
            "id": generation_id,
            **{name: getattr(outcome, name) for name in plain},
            **_used(outcome.usage),
            "settlement": settlement,
            "charged_micros": charged_micros,
            "output_hash": None if outcome.output is None else sha256(outcome.output.encode()).digest(),
            "asset_ids": list(outcome.asset_ids),
            "safety": None if outcome.safety is None else Jsonb(dict(outcome.safety)),
            "now": now,
            "due_at": due_at,
        },
    )


async def note_safety(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, safety: Mapping[str, object]) -> None:
    """What the moderator found in what was asked; the end adds what it finds in what was made."""
    await tx.execute(NOTE_SAFETY, {"workspace_id": workspace_id, "id": generation_id, "safety": Jsonb(dict(safety))})


async def owe(tx: Transaction, *, workspace_id: UUID, generation_id: UUID, charged_micros: int, due_at: datetime) -> GenerationRow:
    """Sets what is to be settled."""
    parameters = {"workspace_id": workspace_id, "id": generation_id, "charged_micros": charged_micros, "due_at": due_at}
    return await tx.fetch_one(GenerationRow, OWE, parameters)


async def mark_settled(ctx: Context, *, generation_id: UUID) -> None:
    """Nothing is open any more."""
    parameters = {"workspace_id": ctx.workspace, "id": generation_id}
    if await ctx.try_in_one_trip("ai", _Marked, SETTLED, parameters) is None:
        async with ctx.transaction("ai") as tx:
            await tx.execute(SETTLED, parameters)


async def find(tx: Transaction, *, workspace_id: UUID, generation_id: UUID) -> GenerationRow | None:
    """A generation, or None."""
    return await tx.find_one(GenerationRow, FIND, {"workspace_id": workspace_id, "id": generation_id})


async def list_page(
    tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int, kind: str | None = None, status: str | None = None
) -> list[GenerationRow]:
    """Generations, newest first."""
    parameters = {"workspace_id": workspace_id, "after": after, "limit": limit, "kind": kind, "status": status}
    return await tx.fetch_all(GenerationRow, LIST, parameters)


async def list_due(tx: Transaction, *, now: datetime, limit: int) -> list[DueRow]:
    """What must be looked after, over all workspaces; for the system context."""
    return await tx.fetch_all(DueRow, LIST_DUE, {"now": now, "limit": limit})


def _used(usage: Usage) -> dict[str, int]:
    units = ("input_tokens", "output_tokens", "images", "seconds", "characters", "requests")
    return {unit: getattr(usage, unit) for unit in units}
