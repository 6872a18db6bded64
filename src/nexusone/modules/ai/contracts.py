"""The words of ai: what can be asked for, what comes back, the models there are."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from nexusone.kernel.contract import NOT_BLANK, Contract, Id, Instant, Shown, printable
from nexusone.kernel.locale import TAG_PATTERN, canonical_locale
from nexusone.kernel.money import CreditsText


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("a prompt has more than white space")
    return value


PromptText = Annotated[
    str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(printable), AfterValidator(_not_blank), Shown(NOT_BLANK)
]
LanguageTag = Annotated[str, StringConstraints(min_length=2, max_length=16), AfterValidator(canonical_locale), Shown(TAG_PATTERN)]
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")]

GenerationKind = Literal["text"]
GenerationStatus = Literal["queued", "running", "succeeded", "failed", "unknown"]


class NewGeneration(Contract):
    """What to write, and in which language.

    With `output_schema` (JSON Schema 2020-12 of an object, without references and patterns) the answer is an object that
    matches it. `model` defaults to the catalog's default; `output_tokens_max` bounds one answer.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "text", "prompt": "Two sentences that announce our new solar lamp.", "locale": "de"},
                {
                    "kind": "text",
                    "prompt": "An e-mail about our new solar lamp.",
                    "locale": "es",
                    "output_schema": {
                        "type": "object",
                        "properties": {"subject": {"type": "string"}, "body": {"type": "string"}},
                        "required": ["subject", "body"],
                        "additionalProperties": False,
                    },
                },
            ]
        }
    )

    kind: GenerationKind = "text"
    prompt: PromptText
    locale: LanguageTag
    output_schema: dict[str, JsonValue] | None = None
    model: ModelName | None = None
    output_tokens_max: Annotated[int, Field(ge=16, le=1_000_000)] | None = None


class GenerationError(Contract):
    """Why a generation failed or is unknown: a stable `code` and a sentence."""

    code: str
    detail: str


class TokenUsage(Contract):
    """Tokens over all attempts."""

    input_tokens: int
    output_tokens: int


class Provenance(Contract):
    """The marking of machine-written text: by which model, and that no person wrote it."""

    generated: Literal[True]
    model: str


class Generation(Contract):
    """One piece of writing. `output` is text, or an object where a schema was given; `credits` is what was charged.

    `finish_reason` "length" says that the text ends where `output_tokens_max` was reached. A generation of status
    "unknown" was asked for and never answered: its credits stay reserved for a while and it is never asked for again.
    Where a cheaper `model` had to write it, `asked_model` is the one that was asked for.
    """

    id: Id
    kind: GenerationKind
    status: GenerationStatus
    prompt: str
    locale: str
    model: str
    asked_model: str | None
    output: str | dict[str, JsonValue] | None
    finish_reason: str | None
    error: GenerationError | None
    credits: CreditsText
    usage: TokenUsage
    created_at: Instant
    finished_at: Instant | None
    provenance: Provenance


class Model(Contract):
    """A model that writes, with its limits and its prices in credits per million tokens; `retires_on` is an ISO date."""

    name: str
    kind: GenerationKind
    context_tokens: int
    output_tokens_max: int
    input_credits_per_million: CreditsText
    output_credits_per_million: CreditsText
    is_default: bool
    retires_on: str | None


class WriteGeneration(Contract):
    """The job that writes a queued generation."""

    generation_id: Id
