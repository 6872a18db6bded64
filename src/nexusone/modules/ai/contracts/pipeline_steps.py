"""The words of a pipeline's steps: what each does, and when."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, Strict, StringConstraints

from nexusone.kernel.contract import PRINTABLE, Contract, Id, Key, Name, Shown, Text, printable
from nexusone.modules.ai.contracts.generations import Fallbacks, ModelName, VoiceName

Template = Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(printable), Shown(PRINTABLE)]
"""Liquid over `inputs`, `steps`, `each` and `feedback`. A template of one output alone stands for the value itself."""

Condition = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(printable), Shown(PRINTABLE)]
StepKind = Literal["generate", "translate", "image", "voice", "video", "moderate", "choose_best", "http", "approval", "publish"]
PromptBytes = Annotated[int, Field(ge=100, le=20_000)]

STEPS_MAX = 40
ITEMS_MAX = 50


class StepTerms(Contract):
    """What all steps have.

    `needs` are steps that must have ended well before, besides those that templates mention. `when` is a Liquid condition: where
    it does not hold, the step is skipped. With `for_each` (a Liquid expression of a list) it is done once for each item, at most
    `items_max`, which is `each` in its templates. A try that fails for a reason that may pass is repeated, `attempts` in all.
    `on_failure` "continue" lets the steps after it go on without it.
    """

    id: Key
    name: Name | None = None
    needs: Annotated[tuple[Key, ...], Strict(False), Field(max_length=STEPS_MAX)] = ()
    when: Condition | None = None
    for_each: Condition | None = None
    items_max: Annotated[int, Field(ge=1, le=ITEMS_MAX)] = 10
    attempts: Annotated[int, Field(ge=1, le=5)] = 1
    retry_wait_seconds: Annotated[int, Field(ge=0, le=3_600)] = 5
    timeout_seconds: Annotated[int, Field(ge=5, le=86_400)] = 3_600
    on_failure: Literal["stop", "continue"] = "stop"


class GenerateStep(StepTerms):
    """A text, or with `output_schema` an object. What its templates become has `prompt_bytes_max` bytes at most: that bounds its cost."""

    kind: Literal["generate"]
    prompt: Template
    locale: Template = "en"
    output_schema: dict[str, JsonValue] | None = None
    model: ModelName | None = None
    fallbacks: Annotated[Fallbacks, Strict(False)] = ()
    output_tokens_max: Annotated[int, Field(ge=16, le=1_000_000)] | None = None
    prompt_bytes_max: PromptBytes = 8_000
    brand_voice_id: Id | None = None
    knowledge: Annotated[tuple[Id, ...], Strict(False), Field(max_length=10)] = ()


class TranslateStep(StepTerms):
    """A text, or the texts of an object (`output_schema` says its shape), in the language `into`; placeholders stay."""

    kind: Literal["translate"]
    text: Template
    into: Template
    output_schema: dict[str, JsonValue] | None = None
    model: ModelName | None = None
    output_tokens_max: Annotated[int, Field(ge=16, le=1_000_000)] | None = None
    prompt_bytes_max: PromptBytes = 8_000


class ImageStep(StepTerms):
    """Pictures."""

    kind: Literal["image"]
    prompt: Template
    width: Annotated[int, Field(ge=64, le=4096)] = 1024
    height: Annotated[int, Field(ge=64, le=4096)] = 1024
    count: Annotated[int, Field(ge=1, le=4)] = 1
    media_type: Literal["image/png", "image/jpeg", "image/webp"] = "image/png"
    quality: Literal["low", "medium", "high"] | None = None
    model: ModelName | None = None
    fallbacks: Annotated[Fallbacks, Strict(False)] = ()
    prompt_bytes_max: PromptBytes = 4_000


class VoiceStep(StepTerms):
    """A text read aloud."""

    kind: Literal["voice"]
    prompt: Template
    locale: Template | None = None
    voice: VoiceName | None = None
    media_type: Literal["audio/mpeg", "audio/wav"] = "audio/mpeg"
    model: ModelName | None = None
    fallbacks: Annotated[Fallbacks, Strict(False)] = ()
    prompt_bytes_max: PromptBytes = 2_000


class VideoStep(StepTerms):
    """A portrait (an asset's id) that says a text, or the sound of an asset; `seconds_max` bounds what it may cost."""

    kind: Literal["video"]
    portrait: Template
    prompt: Template | None = None
    audio: Template | None = None
    locale: Template | None = None
    voice: VoiceName | None = None
    model: ModelName | None = None
    seconds_max: Annotated[int, Field(ge=1, le=600)] = 120


class ModerateStep(StepTerms):
    """Has texts and pictures judged; what is objected to fails the step, or is only told in its output."""

    kind: Literal["moderate"]
    text: Template | None = None
    assets: Template | None = None
    on_flagged: Literal["fail", "continue"] = "fail"


class ChooseBestStep(StepTerms):
    """Has a model judge which of a list is best by the criteria; its output is the `best`, its `index` and the `reason`."""

    kind: Literal["choose_best"]
    among: Template
    criteria: Template
    model: ModelName | None = None
    prompt_bytes_max: PromptBytes = 16_000


class HttpStep(StepTerms):
    """Calls a public address; its output is `status` and `body`. Without an answer nobody knows whether it was done: it is repeated
    only where it reads (GET) or `is_repeatable`, and every try of a step carries the same Idempotency-Key header.

    A header may hold a secret of the workspace (PUT /v1/pipeline-secrets/{name}) as `{{ secrets.name }}`, and what carries a
    credential, such as Authorization, must; nothing else of a pipeline sees it. A redirect is an answer and is not followed."""

    kind: Literal["http"]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Template
    headers: Annotated[dict[str, Template], Field(max_length=20)] = Field(default_factory=dict)
    body: JsonValue = None
    is_repeatable: bool = False
    answer_bytes_max: Annotated[int, Field(ge=1, le=262_144)] = 65_536


class ApprovalStep(StepTerms):
    """Waits for a person, who sees `show` and `assets` by a link that expires. What was approved is locked."""

    kind: Literal["approval"]
    title: Template
    show: Annotated[dict[Key, Template], Field(min_length=1, max_length=50)]
    assets: Template | None = None
    expires_in_hours: Annotated[int, Field(ge=1, le=336)] = 72


class PublishStep(StepTerms):
    """Hands content to a target: `none` keeps it as the step's output, `media_library` names and describes assets, others are modules'."""

    kind: Literal["publish"]
    target: Key
    content: Annotated[dict[Key, JsonValue], Field(max_length=50)] = Field(default_factory=dict)


Step = Annotated[
    GenerateStep
    | TranslateStep
    | ImageStep
    | VoiceStep
    | VideoStep
    | ModerateStep
    | ChooseBestStep
    | HttpStep
    | ApprovalStep
    | PublishStep,
    Field(discriminator="kind"),
]
"""One step: the `kind` says which of them it is."""

InputKind = Literal["text", "integer", "number", "boolean", "locale", "locales", "list", "asset", "objects"]


class PipelineInput(Contract):
    """What a run is given: a text, number, language, list of languages or texts, asset, or a list of flat objects such as products."""

    kind: InputKind = "text"
    is_required: bool = True
    default: JsonValue = None
    length_max: Annotated[int, Field(ge=1, le=10_000)] = 2_000
    description: Annotated[Text, StringConstraints(max_length=500)] = ""


class PipelineDefinition(Contract):
    """A pipeline as data. Steps refer to steps before them: `steps.copy.output`, `steps.hero.asset_id`; of one that was done for
    each of a list `steps.copy.by.de.output` and `steps.copy.outputs`. A run ends after `deadline_hours` at the latest."""

    schema_version: Literal[1] = 1
    inputs: Annotated[dict[Key, PipelineInput], Field(max_length=50)] = Field(default_factory=dict)
    steps: Annotated[tuple[Step, ...], Strict(False), Field(min_length=1, max_length=STEPS_MAX)]
    deadline_hours: Annotated[int, Field(ge=1, le=720)] = 168
