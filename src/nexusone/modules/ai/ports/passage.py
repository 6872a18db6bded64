"""Passing a request on to a vendor as it is, in the wire that clients of many vendors speak."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import JsonValue

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.ports.media import MediaFile
from nexusone.modules.ai.ports.models import ModelCard, Unit

Operation = Literal["chat", "responses", "embeddings", "images"]


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A body of the wire, the model named in it. `tells_usage`: the client wants a stream of chat to end with the usage.

    `end_user` is an opaque id for abuse control, sent where the body names none.
    """

    operation: Operation
    body: Mapping[str, JsonValue]
    tells_usage: bool = True
    end_user: str | None = None


@dataclass(frozen=True, slots=True)
class WireEnd:
    """What the vendor says of a whole answer; `quantities` is None where it counted nothing."""

    quantities: Mapping[Unit, int] | None
    model: str
    vendor_reference: str | None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """A whole answer: its bytes as they came, and what of them a model wrote or drew."""

    body: bytes
    text: str
    images: tuple[MediaFile, ...]
    end: WireEnd


@dataclass(frozen=True, slots=True)
class WirePiece:
    """One event of a stream, as bytes for the client (empty: not for it), and what of it a model wrote; the last one has `end`."""

    frame: bytes
    text: str = ""
    end: WireEnd | None = None


class WireRefused(DefiniteFailure):
    """The vendor finds fault with the request itself: its status, and where and how it says so."""

    def __init__(self, *, status: int, detail: str, param: str | None, reason: str | None) -> None:
        super().__init__(code="vendor.rejected", detail=detail, is_retryable=False)
        self.status, self.param, self.reason = status, param, reason


class WirePassage(Protocol):
    """Speaks the wire with a vendor; every field of a body goes through, known to us or not.

    Raises:
        WireRefused, DefiniteFailure: the vendor did nothing.
        UnknownOutcome: the request went out, and no (or no whole) answer came back.
    """

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models that can be asked for this way, of every kind, with prices."""
        ...

    async def send(self, request: WireRequest) -> WireAnswer:
        """The whole answer."""
        ...

    def stream(self, request: WireRequest) -> AsyncIterator[WirePiece]:
        """The answer's events as they come; usage is always asked for, and left out for a client that did not."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...
