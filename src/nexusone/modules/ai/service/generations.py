"""Asking for generations, and reading them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from pydantic import TypeAdapter

from nexusone.kernel.errors import Refusal
from nexusone.kernel.money import credits_to_text
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.generations import (
    Batch,
    BatchItem,
    Estimate,
    Generation,
    GenerationError,
    GenerationWork,
    NewGeneration,
    NewText,
)
from nexusone.modules.ai.contracts.tasks import TaskText
from nexusone.modules.ai.domain.lifecycle import LOOK_JOB, called_off
from nexusone.modules.ai.service.endings import end
from nexusone.modules.ai.service.errands import finish_within
from nexusone.modules.ai.service.refusals import GenerationNotFound, NotCancelable, NotRetryable
from nexusone.modules.ai.service.reserving import Place, Wanted, most_micros, reserve
from nexusone.modules.ai.service.views import generation_of
from nexusone.modules.ai.service.writing import call_lifetime, write
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.idempotency import conclude
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

WRITE_JOB = "ai.write_generation"
MAKE_JOB = "ai.make_generation"
CREATED = 201
ACCEPTED = 202

_WANTED: TypeAdapter[Wanted] = TypeAdapter(NewGeneration)
_TASK: TypeAdapter[Wanted] = TypeAdapter(TaskText)


async def generate(ctx: Context, *, wanted: NewText, job: str | None = None) -> Generation:
    """Writes, and waits for it as long as the settings say; a longer one is given back as running and goes on.

    Raises:
        OutputSchemaInvalid, ModelUnknown, NoTextModel: nothing was begun.
        InsufficientCredits: the most that it can cost is not available.
        PurposeStopped: the margin is too low, and no cheaper model can write it.
    """
    row = await reserve(ctx, wanted, job=job)
    noted = _concluding_with(ctx, ACCEPTED)
    async with noted.transaction("ai") as tx:
        started = await generations.start(
            tx, workspace_id=ctx.workspace, generation_id=row.id, now=ctx.now(), due_at=ctx.now() + call_lifetime(ctx)
        )
        await conclude(tx, generation_of(started or row))
    if started is None:
        return await get_generation(ctx, generation_id=row.id)
    # A repeated request is then answered as this one is: with the ended text.
    writing = write(_concluding_with(ctx, CREATED), started)
    ended = await finish_within(writing, seconds=ctx.setting(AiSettings).wait_seconds)
    return generation_of(ended or started)


async def submit(
    ctx: Context, *, wanted: Wanted, retry_of: UUID | None = None, job: str | None = None, place: Place | None = None
) -> Generation:
    """Reserves now and leaves the making to a job.

    Raises:
        OutputSchemaInvalid, ModelUnknown, ModelCannot, NoTextModel, InsufficientCredits, PurposeStopped: nothing was begun.
    """
    row = await reserve(ctx, wanted, retry_of=retry_of, job=job, place=place)
    due_at = ctx.now() + timedelta(seconds=ctx.setting(AiSettings).queue_seconds_max)
    async with _concluding_with(ctx, ACCEPTED).transaction("ai") as tx:
        if await generations.defer(tx, workspace_id=ctx.workspace, generation_id=row.id, due_at=due_at):
            await enqueue_named(tx, [(job_of(row), GenerationWork(generation_id=row.id))], key=str(row.id))
        await conclude(tx, generation_of(row))
    return generation_of(row)


async def submit_batch(ctx: Context, *, wanted: Sequence[Wanted]) -> Batch:
    """Each item as `submit`, or the reason why not."""
    alone = replace(ctx, idempotency=None)
    items = []
    for one in wanted:
        try:
            items.append(BatchItem(generation=await submit(alone, wanted=one), error=None))
        except Refusal as refusal:
            items.append(BatchItem(generation=None, error=GenerationError(code=refusal.code, detail=str(refusal))))
    batch = Batch(items=tuple(items))
    async with _concluding_with(ctx, ACCEPTED).transaction("ai") as tx:
        await conclude(tx, batch)
    return batch


async def estimate(ctx: Context, *, wanted: Wanted) -> Estimate:
    """What would be held for it.

    Raises:
        OutputSchemaInvalid, ModelUnknown, ModelCannot, NoTextModel, PurposeStopped: as `submit`.
    """
    model, micros = await most_micros(ctx, wanted)
    return Estimate(model=model, credits_max=credits_to_text(micros))


async def cancel(ctx: Context, *, generation_id: UUID) -> Generation:
    """Calls off what has not begun at once; what a vendor works on is stopped there, and ends as the vendor says.

    Raises:
        GenerationNotFound: there is none.
        NotCancelable: it has ended, or it is a text that is being written.
    """
    row = await _get(ctx, generation_id)
    if row.status not in ("queued", "running") or (row.status == "running" and not row.is_looked_up):
        raise NotCancelable(status=row.status)
    async with ctx.transaction("ai") as tx:
        noted = await generations.ask_to_cancel(tx, workspace_id=ctx.workspace, generation_id=generation_id, now=ctx.now())
        if noted is None:
            raise NotCancelable(status=row.status)
        if noted.status == "running":
            work = GenerationWork(generation_id=generation_id)
            await enqueue_named(tx, [(LOOK_JOB, work)], key=f"{generation_id}:cancel")
        await conclude(tx, generation_of(noted))
    if noted.status == "running":
        return generation_of(noted)
    return generation_of(await end(ctx, generation_id=generation_id, outcome=called_off(), if_queued=True))


async def retry(ctx: Context, *, generation_id: UUID) -> Generation:
    """Asks again for what failed or was canceled, as a generation of its own.

    Raises:
        GenerationNotFound: there is none.
        NotRetryable: it did not fail.
        OutputSchemaInvalid, ModelUnknown, ModelCannot, NoTextModel, InsufficientCredits, PurposeStopped: as `submit`.
    """
    row = await _get(ctx, generation_id)
    if row.status not in ("failed", "canceled") or row.request is None:
        raise NotRetryable(status=row.status)
    kind = _WANTED if row.request.get("task") is None else _TASK
    wanted = kind.validate_python(row.request, strict=False)
    return await submit(ctx, wanted=wanted, retry_of=row.id, job=row.job)


async def get_generation(ctx: Context, *, generation_id: UUID) -> Generation:
    """One generation.

    Raises:
        GenerationNotFound: there is none.
    """
    return generation_of(await _get(ctx, generation_id))


async def list_generations(ctx: Context, *, request: PageRequest, kind: str | None = None, status: str | None = None) -> PageOf[Generation]:
    """Generations, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        rows = await generations.list_page(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1, kind=kind, status=status)
    items = tuple(generation_of(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


def job_of(row: GenerationRow) -> str:
    """The job that makes it."""
    return WRITE_JOB if row.kind == "text" else MAKE_JOB


async def _get(ctx: Context, generation_id: UUID) -> GenerationRow:
    async with ctx.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
    if row is None:
        raise GenerationNotFound
    return row


def _concluding_with(ctx: Context, status: int) -> Context:
    """The context whose transactions record another status than the door's for a repeated request."""
    return ctx if ctx.idempotency is None else replace(ctx, idempotency=replace(ctx.idempotency, status=status))
