"""Asking for a generation, and reading generations."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts import Generation, NewGeneration, WriteGeneration
from nexusone.modules.ai.domain.instructions import instructions_for
from nexusone.modules.ai.domain.lifecycle import PURPOSE, hold_key
from nexusone.modules.ai.domain.output_schema import schema_faults
from nexusone.modules.ai.domain.tariff import usage_bound
from nexusone.modules.ai.ports import ModelCard
from nexusone.modules.ai.service.errands import finish_within
from nexusone.modules.ai.service.models import get_model, reroute, tariff_of
from nexusone.modules.ai.service.refusals import GenerationNotFound, OutputSchemaInvalid
from nexusone.modules.ai.service.views import generation_of
from nexusone.modules.ai.service.writing import call_lifetime, write
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.modules.billing import api as billing
from nexusone.platform.audit import record
from nexusone.platform.idempotency import conclude
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

WRITE_JOB = "ai.write_generation"
# From the first record to the begin of the work there are two short transactions.
RESERVED_WITHIN = timedelta(seconds=60)
ACCEPTED = 202


async def generate(ctx: Context, *, wanted: NewGeneration) -> Generation:
    """Writes, and waits for it as long as the settings say; a longer one is given back as running and goes on.

    Raises:
        OutputSchemaInvalid, ModelUnknown, NoTextModel: nothing was begun.
        InsufficientCredits: the most that it can cost is not available.
        PurposeStopped: the margin is too low, and no cheaper model can write it.
    """
    row = await _reserve(ctx, wanted)
    noted = _concluding_with(ctx, ACCEPTED)
    async with noted.transaction("ai") as tx:
        started = await generations.start(
            tx, workspace_id=ctx.workspace, generation_id=row.id, now=ctx.now(), due_at=ctx.now() + call_lifetime(ctx)
        )
        await conclude(tx, generation_of(started or row))
    if started is None:
        return await get_generation(ctx, generation_id=row.id)
    ended = await finish_within(write(ctx, started), seconds=ctx.setting(AiSettings).wait_seconds)
    return generation_of(ended or started)


async def generate_later(ctx: Context, *, wanted: NewGeneration) -> Generation:
    """The same by a job: reserved now, written soon.

    Raises:
        OutputSchemaInvalid, ModelUnknown, NoTextModel, InsufficientCredits: as `generate`.
    """
    row = await _reserve(ctx, wanted)
    due_at = ctx.now() + timedelta(seconds=ctx.setting(AiSettings).queue_seconds_max)
    async with _concluding_with(ctx, ACCEPTED).transaction("ai") as tx:
        if await generations.defer(tx, workspace_id=ctx.workspace, generation_id=row.id, due_at=due_at):
            await enqueue_named(tx, [(WRITE_JOB, WriteGeneration(generation_id=row.id))], key=str(row.id))
        await conclude(tx, generation_of(row))
    return generation_of(row)


async def get_generation(ctx: Context, *, generation_id: UUID) -> Generation:
    """One generation.

    Raises:
        GenerationNotFound: there is none.
    """
    async with ctx.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
    if row is None:
        raise GenerationNotFound
    return generation_of(row)


async def list_generations(ctx: Context, *, request: PageRequest) -> PageOf[Generation]:
    """Generations, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        rows = await generations.list_page(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(generation_of(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def _reserve(ctx: Context, wanted: NewGeneration) -> GenerationRow:
    """The generation on record, with the most that it can cost held."""
    asked = get_model(ctx, name=wanted.model)
    if wanted.output_schema is not None and (faults := schema_faults(wanted.output_schema)):
        raise OutputSchemaInvalid(errors=faults, count=len(faults))
    reaction = await billing.check_margin(ctx, purpose=PURPOSE)
    row = _planned(ctx, wanted, asked, is_rerouted=reaction == "reroute")
    async with ctx.transaction("ai") as tx:
        await generations.insert(tx, row, workspace_id=ctx.workspace)
        await record(
            tx,
            action="ai.generation.requested",
            object_kind="generation",
            object_id=str(row.id),
            after={"kind": row.kind, "model": row.model, "locale": row.locale, "held_micros": row.held_micros},
        )
    lifetime = ctx.setting(AiSettings).hold_lifetime
    try:
        await billing.hold(ctx, key=hold_key(row.id), amount_micros=row.held_micros, purpose=PURPOSE, expires_in=lifetime, job=str(row.id))
    except billing.InsufficientCredits:
        async with ctx.transaction("ai") as tx:
            await generations.delete_queued(tx, workspace_id=ctx.workspace, generation_id=row.id)
        raise
    return row


def _planned(ctx: Context, wanted: NewGeneration, asked: ModelCard, *, is_rerouted: bool) -> GenerationRow:
    settings = ctx.setting(AiSettings)
    tokens_max = min(wanted.output_tokens_max or settings.output_tokens_default, settings.output_tokens_max, asked.output_tokens_max)
    bound = usage_bound(
        instructions=instructions_for(locale=wanted.locale, has_schema=wanted.output_schema is not None),
        prompt=wanted.prompt,
        output_schema=wanted.output_schema,
        output_tokens_max=tokens_max,
        repairs_max=0 if wanted.output_schema is None else settings.repairs_max,
    )
    card = reroute(ctx, asked, bound=bound, output_tokens_max=tokens_max) if is_rerouted else asked
    tariff = tariff_of(ctx, card)
    return GenerationRow(
        id=new_id(),
        kind=wanted.kind,
        status="queued",
        settlement="held",
        requested_by=ctx.principal.label,
        locale=wanted.locale,
        prompt=wanted.prompt,
        output_schema=wanted.output_schema,
        vendor=card.vendor,
        model=card.name,
        asked_model=asked.name if is_rerouted else None,
        output_tokens_max=tokens_max,
        input_price_micros=tariff.input_price_micros,
        output_price_micros=tariff.output_price_micros,
        credits_per_dollar=tariff.credits_per_dollar,
        margin_percent=tariff.margin_percent,
        held_micros=tariff.micros(bound),
        charged_micros=0,
        calls=0,
        input_tokens=0,
        output_tokens=0,
        output=None,
        finish_reason=None,
        error_code=None,
        error_detail=None,
        created_at=ctx.now(),
        finished_at=None,
        due_at=ctx.now() + RESERVED_WITHIN,
    )


def _concluding_with(ctx: Context, status: int) -> Context:
    """The context whose transactions record another status than the door's for a repeated request."""
    return ctx if ctx.idempotency is None else replace(ctx, idempotency=replace(ctx.idempotency, status=status))
