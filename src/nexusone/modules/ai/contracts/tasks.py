"""The words of content tasks: which there are, what is given, what is made of it."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, Strict, StringConstraints

from nexusone.kernel.contract import Contract, Id
from nexusone.modules.ai.contracts.generations import (
    BUDGET,
    FALLBACKS,
    MAX_SECONDS,
    Budget,
    Fallbacks,
    Generation,
    GenerationError,
    LanguageTag,
    ModelName,
    NewText,
)

LOCALES_MAX = 20
ITEMS_MAX = 100
MATERIAL_CHARACTERS_MAX = 600_000

TaskName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,62}$")]


def _unique(locales: list[str]) -> list[str]:
    if len(set(locales)) < len(locales):
        raise ValueError("each language is asked for once")
    return locales


class NewTaskRun(Contract):
    """What a task is given (its `input_schema` says what), and the languages to write in, each a generation of its own.

    `brand_voice_id` is how it shall sound (the workspace's default voice where none is named); `knowledge` are collections
    whose passages it may use, which it then cites.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"input": {"brief": "Our new solar lamp is here.", "link": "https://shop.example/lamp"}, "locales": ["en", "de"]}]
        }
    )

    input: dict[str, JsonValue]
    locales: Annotated[list[LanguageTag], Field(min_length=1, max_length=LOCALES_MAX), AfterValidator(_unique)]
    model: ModelName | None = None
    fallbacks: Annotated[Fallbacks, Field(description=FALLBACKS)] = ()
    budget: Annotated[Budget, Field(description=BUDGET)] | None = None
    max_seconds: Annotated[int, Field(ge=1, le=86_400, description=MAX_SECONDS)] | None = None
    output_tokens_max: Annotated[int, Field(ge=16, le=1_000_000)] | None = None
    brand_voice_id: Id | None = None
    knowledge: Annotated[tuple[Id, ...], Strict(False), Field(max_length=10)] = ()


class TaskItem(Contract):
    """What became of one language and part (such as a network): a generation, or why it was refused."""

    locale: str
    part: str | None
    generation: Generation | None
    error: GenerationError | None


class TaskRun(Contract):
    """The generations of a run, by language and part; what becomes of each is told at its address."""

    task: TaskName
    items: tuple[TaskItem, ...]


class ContentTaskKind(Contract):
    """A task: what it is given and what it answers, as JSON Schemas; lengths of the answer may depend on input and language."""

    name: TaskName
    title: str
    summary: str
    input_schema: dict[str, JsonValue]
    output_schema: dict[str, JsonValue]
    example: dict[str, JsonValue]


class TaskText(NewText):
    """A task as a text to write: `given` is its input, checked; the prompt is made of it."""

    prompt: Annotated[str, StringConstraints(min_length=1, max_length=MATERIAL_CHARACTERS_MAX)]
    task: TaskName
    given: dict[str, JsonValue]
    # As they were when it was asked for; nobody names them.
    forbidden_claims: tuple[str, ...] = ()
