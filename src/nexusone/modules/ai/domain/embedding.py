"""What comparing texts by meaning costs, and how its work can end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from uuid import UUID

from nexusone.modules.ai.domain.catalog import find_model, offered_models
from nexusone.modules.ai.ports.judging import Embeddings
from nexusone.modules.ai.ports.models import ModelCard

PURPOSE: Final = "ai.embedding"
"""What the credits of comparing are spent on."""

# What the column can hold in one page.
DIMENSIONS_MAX: Final = 3_900
# One passage with its heading, if every character took four bytes and every byte were a token.
CONTEXT_TOKENS_MIN: Final = 6_100
FRAMING_TOKENS: Final = 16
BATCH_MAX: Final = 256

INVALID_ANSWER: Final = "ai.embedding_invalid"
NEVER_INDEXED: Final = "ai.never_indexed"

IndexingStatus = Literal["queued", "running", "done", "failed"]
Settlement = Literal["held", "due", "done"]


@dataclass(frozen=True, slots=True)
class EmbeddingTariff:
    """`price_micros` micro-dollars for every `price_per` tokens; `margin_percent` is put on top.

    Where a workspace pays the vendor itself (`is_own_key`), there is no cost, and `margin_percent` of it is all that is charged.
    """

    price_micros: int
    price_per: int
    credits_per_dollar: int
    margin_percent: int
    is_own_key: bool = False

    def micros(self, tokens: int) -> int:
        """Micro-credits for the tokens, rounded up."""
        percent = self.margin_percent if self.is_own_key else 100 + self.margin_percent
        return -(-tokens * self.price_micros * self.credits_per_dollar * percent // (self.price_per * 100))

    def cost_nano(self, tokens: int) -> int:
        """What the vendor charges for the tokens, in billionths of a dollar, rounded up."""
        return 0 if self.is_own_key else -(-tokens * self.price_micros * 1000 // self.price_per)


def embedding_models(cards: Iterable[ModelCard], *, today: date) -> tuple[ModelCard, ...]:
    """The cards that passages can be compared by: priced, not retired, able to read a whole passage."""
    return tuple(
        card
        for card in offered_models(cards, today=today)
        if card.kind == "embedding"
        and card.price_of("input_token") is not None
        and 0 < card.dimensions <= DIMENSIONS_MAX
        and card.context_tokens >= CONTEXT_TOKENS_MIN
    )


def chosen_model(cards: Iterable[ModelCard], *, name: str | None, today: date) -> ModelCard | None:
    """The named model, or the default; None where it cannot be used."""
    return find_model(embedding_models(cards, today=today), kind="embedding", name=name)


def tokens_bound(texts: Sequence[str]) -> int:
    """The most tokens that the texts can have: a token is a piece of at least one byte."""
    return sum(len(text.encode()) + FRAMING_TOKENS for text in texts)


def is_sound(answer: Embeddings, *, texts: int, dimensions: int) -> bool:
    """Whether an answer is what was asked for: a vector a text, each of that length, of plain numbers, not next to nothing."""
    return (
        len(answer.vectors) == texts
        and answer.input_tokens >= 0
        and all(len(vector) == dimensions and 1e-6 < sum(number * number for number in vector) < 1e9 for vector in answer.vectors)
    )


def hold_key(indexing_id: UUID) -> str:
    """The key of the hold for a document's indexing."""
    return f"knowledge:{indexing_id}"
