"""Models that write."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from nexusone.modules.ai.ports.models import ModelCard

FinishReason = Literal["stop", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class TextRequest:
    """What to write. `output_schema` is a JSON Schema the answer must match; `end_user` is an opaque id for abuse control."""

    model: str
    instructions: str
    prompt: str
    output_tokens_max: int
    output_schema: Mapping[str, object] | None = None
    end_user: str | None = None


@dataclass(frozen=True, slots=True)
class TextResult:
    """What was written and what it used. `text` is JSON where a schema was given."""

    text: str
    input_tokens: int
    output_tokens: int
    model: str
    vendor_reference: str
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of streamed text; the last one carries `result`."""

    text: str
    result: TextResult | None = None


class TextModel(Protocol):
    """Writes text.

    Raises:
        DefiniteFailure: the vendor did not write, with `is_retryable` and `retry_after_seconds` as it said.
        UnknownOutcome: the request went out and no answer came back.
    """

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models this vendor serves, with prices; a model without a price is not in it."""
        ...

    async def write(self, request: TextRequest) -> TextResult:
        """The whole text at once."""
        ...

    def stream(self, request: TextRequest) -> AsyncIterator[TextDelta]:
        """The text as it is written."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class TextModels:
    """The vendors that write, by name; the order of preference is that of the names."""

    by_name: Mapping[str, TextModel]
