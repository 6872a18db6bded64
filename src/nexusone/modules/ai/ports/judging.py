"""Models that judge texts and pictures, and that say what texts are about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nexusone.modules.ai.ports.media import MediaFile
from nexusone.modules.ai.ports.models import ModelCard


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a moderator thinks of one input: scores from 0 to 1000 (thousandths) by category, and those it objects to."""

    is_flagged: bool
    categories: tuple[str, ...]
    scores: Mapping[str, int]


class Moderator(Protocol):
    """Judges what may not be shown.

    Raises:
        DefiniteFailure, UnknownOutcome: nothing was judged; judging again is safe.
    """

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models that judge; they may cost nothing, and then say so with a price of 0."""
        ...

    async def judge(self, *, texts: Sequence[str], images: Sequence[MediaFile] = ()) -> tuple[Judgement, ...]:
        """One judgement an input: the texts' in their order, then the images'."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class Embeddings:
    """A vector a text, in their order, each of the card's `dimensions`; `input_tokens` for all."""

    vectors: tuple[tuple[float, ...], ...]
    input_tokens: int
    model: str


class Embedder(Protocol):
    """Says what texts are about.

    Raises:
        DefiniteFailure, UnknownOutcome: as text models do.
    """

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models that embed, with prices and dimensions."""
        ...

    async def embed(self, texts: Sequence[str], *, model: str) -> Embeddings:
        """At most 256 texts at once, each within the card's context."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...
