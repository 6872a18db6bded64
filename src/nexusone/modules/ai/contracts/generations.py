"""The words of generations: what can be asked for, what comes back, the models there are."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, JsonValue, Strict, StringConstraints, Tag, model_validator

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
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,99}$")]

GenerationKind = Literal["text", "image", "voice", "video", "embedding"]
GenerationOrigin = Literal["api", "gateway"]
GenerationStatus = Literal["queued", "running", "succeeded", "failed", "canceled", "unknown"]
VoiceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
Budget = Annotated[str, StringConstraints(pattern=r"^\d{1,13}(\.\d{1,6})?$")]
Fallbacks = Annotated[tuple[ModelName, ...], Strict(False), Field(max_length=3)]

BATCH_MAX = 100
IDENTIFIER = "0198c0de-0000-7000-8000-000000000001"

BUDGET = "The most credits that may be held for it, as a decimal; a model that could cost more is refused, and nothing is held."
MAX_SECONDS = (
    "How long one model may take. Beyond it a text's outcome is unknown, and a file's making is stopped where the vendor can; "
    "the next of the fallbacks is asked only where surely nothing was made."
)
FALLBACKS = "Models that are asked, in this order, where the one before is not available; each at its own price."


class NewText(Contract):
    """What to write, and in which language.

    With `output_schema` (JSON Schema 2020-12 of an object, without references and patterns) the answer is an object that
    matches it. `model` defaults to the catalog's default; `output_tokens_max` bounds one answer. `brand_voice_id` is how it
    shall sound (the workspace's default voice where none is named); `knowledge` are collections whose passages it may use,
    which it then cites.
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

    kind: Literal["text"] = "text"
    prompt: PromptText
    locale: LanguageTag
    output_schema: dict[str, JsonValue] | None = None
    model: ModelName | None = None
    fallbacks: Annotated[Fallbacks, Field(description=FALLBACKS)] = ()
    budget: Annotated[Budget, Field(description=BUDGET)] | None = None
    max_seconds: Annotated[int, Field(ge=1, le=86_400, description=MAX_SECONDS)] | None = None
    output_tokens_max: Annotated[int, Field(ge=16, le=1_000_000)] | None = None
    brand_voice_id: Id | None = None
    knowledge: Annotated[tuple[Id, ...], Strict(False), Field(max_length=10)] = ()


class NewImage(Contract):
    """Pictures to draw: `count` of `width` × `height` pixels, which the model must offer (GET /v1/models says which sizes)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "image", "prompt": "A solar lamp on a balcony at dusk, warm light.", "width": 1024, "height": 1024}]
        }
    )

    kind: Literal["image"] = "image"
    prompt: PromptText
    width: Annotated[int, Field(ge=64, le=4096)] = 1024
    height: Annotated[int, Field(ge=64, le=4096)] = 1024
    count: Annotated[int, Field(ge=1, le=4)] = 1
    media_type: Literal["image/png", "image/jpeg", "image/webp"] = "image/png"
    negative_prompt: PromptText | None = None
    quality: Literal["low", "medium", "high"] | None = None
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None
    model: ModelName | None = None
    fallbacks: Annotated[Fallbacks, Field(description=FALLBACKS)] = ()
    budget: Annotated[Budget, Field(description=BUDGET)] | None = None
    max_seconds: Annotated[int, Field(ge=1, le=86_400, description=MAX_SECONDS)] | None = None


class NewVoice(Contract):
    """A text to read aloud. `voice` is one of the model's (GET /v1/models), its first where none is named; `locale` the text's language."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "voice", "prompt": "Our new solar lamp is here. Light up your evening.", "locale": "en"}]}
    )

    kind: Literal["voice"] = "voice"
    prompt: PromptText
    locale: LanguageTag | None = None
    voice: VoiceName | None = None
    media_type: Literal["audio/mpeg", "audio/wav"] = "audio/mpeg"
    speed_percent: Annotated[int, Field(ge=50, le=200)] = 100
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None
    model: ModelName | None = None
    fallbacks: Annotated[Fallbacks, Field(description=FALLBACKS)] = ()
    budget: Annotated[Budget, Field(description=BUDGET)] | None = None
    max_seconds: Annotated[int, Field(ge=1, le=86_400, description=MAX_SECONDS)] | None = None


class NewVideo(Contract):
    """A portrait that speaks: the picture `portrait_asset_id` of the media library says `prompt`, or the sound `audio_asset_id`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "video", "portrait_asset_id": IDENTIFIER, "prompt": "Our new solar lamp is here.", "locale": "en"}]
        }
    )

    kind: Literal["video"] = "video"
    portrait_asset_id: Id
    prompt: PromptText | None = None
    audio_asset_id: Id | None = None
    locale: LanguageTag | None = None
    voice: VoiceName | None = None
    model: ModelName | None = None
    fallbacks: Annotated[Fallbacks, Field(description=FALLBACKS)] = ()
    budget: Annotated[Budget, Field(description=BUDGET)] | None = None
    max_seconds: Annotated[int, Field(ge=1, le=86_400, description=MAX_SECONDS)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.prompt is None) == (self.audio_asset_id is None):
            raise ValueError("a video has either a prompt that is spoken or an audio_asset_id")
        return self


def _kind_of(value: object) -> object:
    """What is not said is text."""
    return value.get("kind", "text") if isinstance(value, Mapping) else getattr(value, "kind", None)


NewGeneration = Annotated[
    Annotated[NewText, Tag("text")]
    | Annotated[NewImage, Tag("image")]
    | Annotated[NewVoice, Tag("voice")]
    | Annotated[NewVideo, Tag("video")],
    Discriminator(_kind_of),
]
"""What to make: the `kind` says which of them it is."""

NewMedia = NewImage | NewVoice | NewVideo


class NewBatch(Contract):
    """Up to a hundred generations at once; each succeeds or is refused by itself."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [{"kind": "text", "prompt": "Announce our new solar lamp.", "locale": "de"}]}]}
    )

    items: Annotated[tuple[NewGeneration, ...], Strict(False), Field(min_length=1, max_length=BATCH_MAX)]


class GenerationError(Contract):
    """Why a generation failed or is unknown: a stable `code` and a sentence."""

    code: str
    detail: str


class GenerationUsage(Contract):
    """What vendors counted, over all attempts."""

    input_tokens: int = 0
    output_tokens: int = 0
    images: int = 0
    seconds: int = 0
    characters: int = 0
    requests: int = 0


class Provenance(Contract):
    """The marking of machine-made content: by which model of which provider, when, from which prompt (its SHA-256).

    `human_edited`: a person changed it. `edited_by` is who took editorial responsibility for it last, at `edited_at`.
    """

    generated: Literal[True]
    human_edited: bool = False
    edited_by: str | None = None
    edited_at: Instant | None = None
    made_at: Instant | None = None
    model: str
    model_version: str | None = None
    provider: str
    prompt_sha256: str


class Source(Contract):
    """A passage of the knowledge base that was given to the model: its number in the text, and where it stands."""

    number: int
    document_id: Id
    title: str
    heading: str | None = None
    excerpt: str


class GenerationAsset(Contract):
    """A file that was made; its links are at `href`."""

    id: Id
    href: str


class GenerationSafety(Contract):
    """What the moderator found: by which rule it was judged, whether it objected, and to what."""

    policy: str
    is_flagged: bool
    categories: tuple[str, ...] = ()


class Generation(Contract):
    """One thing that was made. `output` is text, or an object where a schema was given; `assets` are files; `credits` what was charged.

    `finish_reason` "length" says that the text ends where `output_tokens_max` was reached. A generation of status
    "unknown" was asked for and never answered: its credits stay reserved while it is looked for, and it is never asked for again.
    Where a cheaper `model` or one of the fallbacks had to make it, `asked_model` is the one that was asked for.
    What came through the gateway (`origin`) has the beginnings of `prompt` and `output` alone, and the hash of all that was asked.
    `task` is the content task that it is of; `disposition` what became of it, where somebody said so.
    """

    id: Id
    kind: GenerationKind
    origin: GenerationOrigin
    status: GenerationStatus
    prompt: str
    locale: str | None
    model: str
    asked_model: str | None
    output: str | dict[str, JsonValue] | None
    assets: tuple[GenerationAsset, ...]
    progress: int | None
    finish_reason: str | None
    error: GenerationError | None
    safety: GenerationSafety | None
    sources: tuple[Source, ...]
    credits: CreditsText
    usage: GenerationUsage
    retry_of: Id | None
    task: str | None = None
    disposition: Literal["used", "discarded"] | None = None
    created_at: Instant
    finished_at: Instant | None
    provenance: Provenance


class BatchItem(Contract):
    """What became of one item: a queued generation, or why it was refused (the `code` of the refusal)."""

    generation: Generation | None
    error: GenerationError | None


class Batch(Contract):
    """The items in the order in which they were asked for."""

    items: tuple[BatchItem, ...]


class NewEstimate(Contract):
    """What is to be made, to hear what it would cost."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"generation": {"kind": "text", "prompt": "Announce our new solar lamp.", "locale": "de"}}]}
    )

    generation: NewGeneration


class Estimate(Contract):
    """The most that it can cost: what would be held. What was used is charged, and the rest given back."""

    model: str
    credits_max: CreditsText


class ModelPrice(Contract):
    """`credits` for every `per` units; it holds for requests that have the traits of `when`, such as a size."""

    unit: Literal["input_token", "output_token", "image", "second", "character", "request"]
    per: int
    credits: CreditsText
    when: dict[str, str]


class Model(Contract):
    """A model, what it can do, and its prices in credits; `retires_on` is an ISO date. What does not apply is null or empty.

    `is_own_key`: the workspace's own account at the vendor is used, so the prices are the fee alone.
    """

    name: str
    title: str
    provider: str
    kind: Literal["text", "image", "voice", "video", "moderation", "embedding"]
    prices: tuple[ModelPrice, ...]
    context_tokens: int | None
    output_tokens_max: int | None
    prompt_characters_max: int | None
    sizes: tuple[str, ...]
    voices: tuple[str, ...]
    languages: tuple[str, ...]
    media_types: tuple[str, ...]
    is_default: bool
    is_own_key: bool
    retires_on: str | None


class GenerationHeard(Contract):
    """The vendor need not tell it again."""

    taken: Literal[True] = True


class GenerationWork(Contract):
    """A job's generation."""

    generation_id: Id
