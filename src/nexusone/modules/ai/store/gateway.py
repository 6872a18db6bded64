"""SQL of requests that are passed on: two statements each, which commit in one trip."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.modules.ai.domain.lifecycle import Outcome
from nexusone.modules.ai.store.generations import COLUMNS, GenerationRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import FACT
from nexusone.platform.runtime import Context
from nexusone.platform.sql import fragment, sql

BEGIN = sql("""
insert into ai.generation (
    workspace_id, id, kind, origin, status, settlement, requested_by, locale, prompt, prompt_hash, vendor, model, asked_model, fallbacks,
    output_tokens_max, prices, traits, credits_per_dollar, margin_percent, held_micros, calls, is_test, is_own_key, created_at, started_at,
    due_at
)
values (
    %(workspace_id)s, %(id)s, %(kind)s, 'gateway', 'running', 'held', %(requested_by)s, null, %(prompt)s, %(prompt_hash)s, %(vendor)s,
    %(model)s, %(asked_model)s, %(fallbacks)s, %(output_tokens_max)s, %(prices)s, %(traits)s, %(credits_per_dollar)s,
    %(margin_percent)s, %(held_micros)s, 1, %(is_test)s, %(is_own_key)s, %(now)s, %(now)s, %(due_at)s
)
returning id
""")

TURN = sql("""
update ai.generation set vendor = %(vendor)s, model = %(model)s, prices = %(prices)s, margin_percent = %(margin_percent)s,
    is_own_key = %(is_own_key)s, calls = calls + 1, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'running'
""")

FORGET = sql("""
delete from ai.generation where workspace_id = %(workspace_id)s and id = %(id)s and status = 'running' and origin = 'gateway'
""")

# An answer that comes after nobody knew of it any more still counts while its hold stands.
END = fragment("""
update ai.generation
set status = %(status)s, settlement = 'due', charged_micros = %(charged_micros)s, input_tokens = %(input_tokens)s,
    output_tokens = %(output_tokens)s, images = %(images)s, output = %(output)s, output_hash = %(output_hash)s,
    finish_reason = %(finish_reason)s, model_version = %(model_version)s, vendor_reference = %(vendor_reference)s,
    error_code = %(error_code)s, error_detail = %(error_detail)s, safety = %(safety)s, finished_at = %(now)s, due_at = %(due_at)s,
    asset_ids = %(asset_ids)s::uuid[]
where workspace_id = %(workspace_id)s and id = %(id)s and (status = 'running' or (status = 'unknown' and settlement = 'held'))
returning {columns}
""")

END_ALONE = END.fill(columns=COLUMNS)

# The fact that a request was passed on is told by the statement that ends it.
END_IN_ONE_TRIP = fragment("""
with ended as ({end}), {fact}
select {columns} from ended
""").fill(
    columns=COLUMNS,
    end=END.fill(columns=COLUMNS),
    fact=FACT.fill(
        told=fragment("""
        select ended.id::text as object_id, jsonb_build_object('generation_id', ended.id) as details,
            jsonb_build_object('generation_id', jsonb_build_object('after', ended.id)) as changes
        from ended
        """)
    ),
)

NOTE_SAFETY = sql("""
update ai.generation set safety = %(safety)s where workspace_id = %(workspace_id)s and id = %(id)s
returning id
""")


@dataclass(frozen=True, slots=True)
class _Told:
    id: UUID


@dataclass(frozen=True, slots=True)
class EndedCall:
    """How a request that was passed on ended; `output` is what of the answer is kept, `output_hash` that of all of it."""

    outcome: Outcome
    output_hash: bytes | None
    charged_micros: int
    now: datetime
    due_at: datetime


async def begin_in_one_trip(ctx: Context, row: GenerationRow, *, prompt_hash: bytes) -> bool:
    """A request on record, running; False where it was undone and takes a transaction."""
    rows = await ctx.try_in_one_trip("ai", _Told, BEGIN, _row_parameters(ctx.workspace, row, prompt_hash))
    return bool(rows)


async def begin(tx: Transaction, row: GenerationRow, *, workspace_id: UUID, prompt_hash: bytes) -> None:
    """The same in a transaction."""
    await tx.execute(BEGIN, _row_parameters(workspace_id, row, prompt_hash))


async def turn(tx: Transaction, row: GenerationRow, *, workspace_id: UUID) -> None:
    """Another model is asked, at its own prices; what `row` says of it is noted before."""
    names = ("id", "vendor", "model", "margin_percent", "is_own_key", "due_at")
    kept = {"workspace_id": workspace_id, "prices": Jsonb(row.prices)}
    await tx.execute(TURN, {**{name: getattr(row, name) for name in names}, **kept})


async def forget(tx: Transaction, *, workspace_id: UUID, generation_id: UUID) -> None:
    """Takes a request off the record that was never passed on."""
    await tx.execute(FORGET, {"workspace_id": workspace_id, "id": generation_id})


async def end_in_one_trip(ctx: Context, generation_id: UUID, ended: EndedCall, *, fact: Mapping[str, object]) -> GenerationRow | None:
    """How it ended, told as a fact; None where it has ended before, or was undone. `fact`: as `fact_parameters`."""
    parameters = {**fact, **_end_parameters(ctx.workspace, generation_id, ended)}
    rows = await ctx.try_in_one_trip("ai", GenerationRow, END_IN_ONE_TRIP, parameters)
    return rows[0] if rows else None


async def end(tx: Transaction, generation_id: UUID, ended: EndedCall, *, workspace_id: UUID) -> GenerationRow | None:
    """The same without telling of it; None where it has ended before."""
    return await tx.find_one(GenerationRow, END_ALONE, _end_parameters(workspace_id, generation_id, ended))


async def note_safety(ctx: Context, *, generation_id: UUID, safety: Mapping[str, object]) -> None:
    """What the moderator found."""
    parameters = {"workspace_id": ctx.workspace, "id": generation_id, "safety": Jsonb(dict(safety))}
    await ctx.try_in_one_trip("ai", _Told, NOTE_SAFETY, parameters)


def _row_parameters(workspace_id: UUID, row: GenerationRow, prompt_hash: bytes) -> dict[str, Any]:
    plain = ("id", "kind", "requested_by", "prompt", "vendor", "model", "asked_model", "fallbacks", "output_tokens_max")
    counted = ("credits_per_dollar", "margin_percent", "held_micros", "is_test", "is_own_key", "due_at")
    kept = {"prices": Jsonb(row.prices), "traits": Jsonb(row.traits), "prompt_hash": prompt_hash, "now": row.created_at}
    return {"workspace_id": workspace_id, **{name: getattr(row, name) for name in (*plain, *counted)}, **kept}


def _end_parameters(workspace_id: UUID, generation_id: UUID, ended: EndedCall) -> dict[str, Any]:
    outcome, usage = ended.outcome, ended.outcome.usage
    plain = ("status", "output", "finish_reason", "model_version", "vendor_reference", "error_code", "error_detail")
    return {
        "workspace_id": workspace_id,
        "id": generation_id,
        **{name: getattr(outcome, name) for name in plain},
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "images": usage.images,
        "output_hash": ended.output_hash,
        "charged_micros": ended.charged_micros,
        "asset_ids": list(outcome.asset_ids),
        "safety": None if outcome.safety is None else Jsonb(dict(outcome.safety)),
        "now": ended.now,
        "due_at": ended.due_at,
    }
