"""What ai announces."""

from typing import ClassVar, Literal

from nexusone.kernel.contract import Id
from nexusone.kernel.money import CreditsText
from nexusone.platform.events import Event


class GenerationSucceeded(Event):
    """A generation was written; `credits` is what it cost."""

    name: ClassVar[str] = "ai.generation.succeeded.v1"

    generation_id: Id
    kind: Literal["text"]
    model: str
    locale: str
    credits: CreditsText
    input_tokens: int
    output_tokens: int


class GenerationFailed(Event):
    """A generation came to nothing; `credits` is what the tokens used until then cost."""

    name: ClassVar[str] = "ai.generation.failed.v1"

    generation_id: Id
    kind: Literal["text"]
    model: str
    error_code: str
    credits: CreditsText


class GenerationUnknown(Event):
    """The model was asked and nobody knows whether it wrote; the credits stay reserved."""

    name: ClassVar[str] = "ai.generation.unknown.v1"

    generation_id: Id
    kind: Literal["text"]
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
