"""What ai announces of generations and of pipelines."""

from typing import ClassVar, Literal

from nexusone.kernel.contract import Id, Instant
from nexusone.kernel.money import CreditsText
from nexusone.platform.events import Event

Kind = Literal["text", "image", "voice", "video", "embedding"]


class GenerationProgressed(Event):
    """The vendor works on it; `progress` is a percentage where it says one."""

    name: ClassVar[str] = "ai.generation.progressed.v1"

    generation_id: Id
    kind: Kind
    progress: int | None


class GenerationSucceeded(Event):
    """A generation was made; `credits` is what it cost, `asset_ids` its files."""

    name: ClassVar[str] = "ai.generation.succeeded.v1"

    generation_id: Id
    kind: Kind
    model: str
    locale: str | None
    credits: CreditsText
    input_tokens: int
    output_tokens: int
    asset_ids: tuple[Id, ...] = ()


class GenerationFailed(Event):
    """A generation came to nothing; `credits` is what was used until then."""

    name: ClassVar[str] = "ai.generation.failed.v1"

    generation_id: Id
    kind: Kind
    model: str
    error_code: str
    credits: CreditsText


class GenerationCanceled(Event):
    """A generation was called off; `credits` is what was used until then."""

    name: ClassVar[str] = "ai.generation.canceled.v1"

    generation_id: Id
    kind: Kind
    model: str
    credits: CreditsText


class GenerationEdited(Event):
    """A person took editorial responsibility for a text; `is_changed`: with changes, the `number`-th time."""

    name: ClassVar[str] = "ai.generation.edited.v1"

    generation_id: Id
    number: int
    is_changed: bool


class GenerationUnknown(Event):
    """The model was asked and nobody knows whether it did it; the credits stay reserved."""

    name: ClassVar[str] = "ai.generation.unknown.v1"

    generation_id: Id
    kind: Kind
    model: str


class DocumentIndexed(Event):
    """A document of the knowledge base can be found; `credits` is what comparing its passages cost."""

    name: ClassVar[str] = "ai.document.indexed.v1"

    document_id: Id
    model: str
    credits: CreditsText
    input_tokens: int


class DocumentIndexingFailed(Event):
    """A document's newest content cannot be found yet; `credits` is what was done until then, which is kept."""

    name: ClassVar[str] = "ai.document.indexing_failed.v1"

    document_id: Id
    model: str
    error_code: str
    credits: CreditsText


class GatewayCallEnded(Event):
    """A request of another wire was passed on and ended; `credits` is what it cost, `images` how many were drawn."""

    name: ClassVar[str] = "ai.generation.passed_on.v1"

    generation_id: Id
    kind: Kind
    model: str
    status: Literal["succeeded", "failed", "canceled"]
    credits: CreditsText
    input_tokens: int
    output_tokens: int
    images: int
    error_code: str | None


class PipelineStarted(Event):
    """A run began; `budget_credits` is the most that it spends."""

    name: ClassVar[str] = "ai.pipeline.started.v1"

    run_id: Id
    pipeline_id: Id
    version: int
    budget_credits: CreditsText


class PipelineStepSucceeded(Event):
    """A step was done, or skipped; `item` counts from 0 where it is one of a list."""

    name: ClassVar[str] = "ai.pipeline.step_succeeded.v1"

    run_id: Id
    step: str
    item: int | None
    is_skipped: bool = False


class PipelineStepFailed(Event):
    """A step came to nothing."""

    name: ClassVar[str] = "ai.pipeline.step_failed.v1"

    run_id: Id
    step: str
    item: int | None
    error_code: str


class PipelineAwaitingApproval(Event):
    """A person is waited for, until `expires_at`."""

    name: ClassVar[str] = "ai.pipeline.awaiting_approval.v1"

    run_id: Id
    step: str
    item: int | None
    review_id: Id
    expires_at: Instant


class PipelineSucceeded(Event):
    """All steps of a run were done; `credits` is what they cost."""

    name: ClassVar[str] = "ai.pipeline.succeeded.v1"

    run_id: Id
    pipeline_id: Id
    credits: CreditsText


class PipelineFailed(Event):
    """A run ended without all its steps; it can be retried."""

    name: ClassVar[str] = "ai.pipeline.failed.v1"

    run_id: Id
    pipeline_id: Id
    error_code: str
    credits: CreditsText


class PipelineCanceled(Event):
    """A run was called off; what had begun is still paid for."""

    name: ClassVar[str] = "ai.pipeline.canceled.v1"

    run_id: Id
    pipeline_id: Id
    credits: CreditsText
