"""Content tasks: from what is given to generations of typed outputs, one for each language and part."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

from pydantic import JsonValue, TypeAdapter, ValidationError

from nexusone.kernel.errors import FieldError, Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.contracts.generations import Generation, GenerationError
from nexusone.modules.ai.contracts.tasks import ITEMS_MAX, ContentTaskKind, NewTaskRun, TaskItem, TaskRun, TaskText
from nexusone.modules.ai.domain.tasks.registry import TASKS
from nexusone.modules.ai.domain.tasks.task import ContentTask, prompt_of
from nexusone.modules.ai.service.errands import finish_within
from nexusone.modules.ai.service.generations import submit
from nexusone.modules.ai.service.refusals_tasks import TaskInputInvalid, TaskNotFound
from nexusone.modules.ai.service.refusals_voices import BrandVoiceNotFound
from nexusone.modules.ai.service.reserving import reserve
from nexusone.modules.ai.service.views import generation_of
from nexusone.modules.ai.service.voices import find_voice
from nexusone.modules.ai.service.writing import call_lifetime, write
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store import generations
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

ACCEPTED = 202
SHOWN_LOCALE = "en"

_JSON: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def list_tasks() -> tuple[ContentTaskKind, ...]:
    """The tasks there are, with the schemas of what they are given and what they answer to the example."""
    return tuple(_kind(kind) for kind in TASKS.values())


async def submit_task(ctx: Context, *, name: str, wanted: NewTaskRun, job: str | None = None) -> TaskRun:
    """Queues a generation for each language and part; where one of several is refused, the others are made.

    Raises:
        TaskNotFound, TaskInputInvalid, BrandVoiceNotFound: nothing was begun.
        ModelUnknown, NoTextModel, CollectionNotFound, InsufficientCredits, PurposeStopped: none of them could be begun.
    """
    asked = await _asked(ctx, name, wanted)
    # One by one: each is on record before the next is asked for, and none concludes the request by itself.
    alone = replace(ctx, idempotency=None)
    shared_job = job or (str(new_id()) if len(asked) > 1 else None)
    items, refused = [], []
    for part, text in asked:
        try:
            items.append(_item(part, text, made=await submit(alone, wanted=text, job=shared_job)))
        except Refusal as refusal:
            refused.append(refusal)
            items.append(_item(part, text, refusal=refusal))
    if len(refused) == len(items):
        raise refused[0]
    run = TaskRun(task=name, items=tuple(items))
    async with _concluding_with(ctx, ACCEPTED).transaction("ai") as tx:
        await conclude(tx, run)
    return run


async def run_task(ctx: Context, *, name: str, wanted: NewTaskRun, job: str | None = None) -> TaskRun:
    """Makes a single generation and waits for it as long as the settings say; several are queued as by `submit_task`.

    Raises:
        TaskNotFound, TaskInputInvalid, BrandVoiceNotFound, ModelUnknown, NoTextModel, CollectionNotFound, InsufficientCredits,
        PurposeStopped: nothing was begun.
    """
    asked = await _asked(ctx, name, wanted)
    if len(asked) > 1:
        return await submit_task(ctx, name=name, wanted=wanted, job=job)
    ((part, text),) = asked
    alone = replace(ctx, idempotency=None)
    row = await reserve(alone, text, job=job)
    async with _concluding_with(ctx, ACCEPTED).transaction("ai") as tx:
        due_at = ctx.now() + call_lifetime(ctx)
        started = await generations.start(tx, workspace_id=ctx.workspace, generation_id=row.id, now=ctx.now(), due_at=due_at)
        begun = TaskRun(task=name, items=(_item(part, text, made=generation_of(started or row)),))
        # A repeated request is answered so: its generation tells at its own address how it ended.
        await conclude(tx, begun)
    if started is None:
        return begun
    ended = await finish_within(write(alone, started), seconds=ctx.setting(AiSettings).wait_seconds)
    return begun if ended is None else TaskRun(task=name, items=(_item(part, text, made=generation_of(ended)),))


def is_ended(run: TaskRun) -> bool:
    """Whether nothing of it is still to come."""
    return all(item.generation is None or item.generation.finished_at is not None for item in run.items)


async def _asked(ctx: Context, name: str, wanted: NewTaskRun) -> list[tuple[str | None, TaskText]]:
    task = await asyncio.to_thread(_read, name, wanted.input)
    voice = await find_voice(ctx, voice_id=wanted.brand_voice_id)
    if voice is None and (task.needs_voice or wanted.brand_voice_id is not None):
        raise BrandVoiceNotFound
    parts = task.parts()
    if len(parts) * len(wanted.locales) > ITEMS_MAX:
        detail = f"at most {ITEMS_MAX} generations are asked for at once"
        raise TaskInputInvalid(errors=(FieldError(pointer="/locales", code="too_many", detail=detail),), count=1)
    forbidden = () if voice is None else tuple(voice.forbidden_claims)
    return [(part.part, _text(part, locale, wanted, forbidden)) for locale in wanted.locales for part in parts]


def _text(task: ContentTask, locale: str, wanted: NewTaskRun, forbidden: tuple[str, ...]) -> TaskText:
    return TaskText(
        prompt=prompt_of(task),
        locale=locale,
        output_schema=task.output_schema(locale),
        model=wanted.model,
        fallbacks=wanted.fallbacks,
        budget=wanted.budget,
        max_seconds=wanted.max_seconds,
        output_tokens_max=wanted.output_tokens_max,
        brand_voice_id=wanted.brand_voice_id,
        knowledge=wanted.knowledge,
        task=task.name,
        given=task.model_dump(mode="json"),
        forbidden_claims=forbidden,
    )


def _read(name: str, given: dict[str, JsonValue]) -> ContentTask:
    kind = TASKS.get(name)
    if kind is None:
        raise TaskNotFound
    try:
        return kind.model_validate_json(json.dumps(given))
    except ValidationError as invalid:
        faults = invalid.errors(include_url=False, include_context=False, include_input=False)
        errors = tuple(FieldError(pointer=_pointer(fault["loc"]), code=fault["type"], detail=fault["msg"]) for fault in faults[:50])
        raise TaskInputInvalid(errors=errors, count=len(faults)) from None


def _pointer(steps: Sequence[int | str]) -> str:
    return "/input" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _item(part: str | None, text: TaskText, *, made: Generation | None = None, refusal: Refusal | None = None) -> TaskItem:
    error = None if refusal is None else GenerationError(code=refusal.code, detail=str(refusal))
    return TaskItem(locale=text.locale, part=part, generation=made, error=error)


def _kind(kind: type[ContentTask]) -> ContentTaskKind:
    shown: ContentTask = kind.model_validate(kind.example, strict=False)
    return ContentTaskKind(
        name=kind.name,
        title=kind.title,
        summary=kind.summary,
        input_schema=_JSON.validate_python(kind.model_json_schema()),
        output_schema=shown.parts()[0].output_schema(SHOWN_LOCALE),
        example=kind.example,
    )


def _concluding_with(ctx: Context, status: int) -> Context:
    return ctx if ctx.idempotency is None else replace(ctx, idempotency=replace(ctx.idempotency, status=status))
