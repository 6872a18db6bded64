"""What ai announces of generations."""

from typing import ClassVar, Literal

from nexusone.kernel.contract import Id
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
