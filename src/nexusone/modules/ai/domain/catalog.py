"""Which model writes: only models with a price that have not retired are offered."""

from collections.abc import Iterable
from datetime import date

from nexusone.modules.ai.ports.models import ModelCard


def offered_models(cards: Iterable[ModelCard], *, today: date) -> tuple[ModelCard, ...]:
    """The cards that may be used; a model without a price would be free, so it is left out."""
    return tuple(card for card in cards if _is_priced(card) and not _is_retired(card, today))


def find_model(cards: Iterable[ModelCard], *, name: str | None) -> ModelCard | None:
    """The named model, or the default where no name is given."""
    return next((card for card in cards if (card.is_default if name is None else card.name == name)), None)


def _is_priced(card: ModelCard) -> bool:
    return bool(card.prices) and all(price.micros > 0 for price in card.prices)


def _is_retired(card: ModelCard, today: date) -> bool:
    return card.retires_on is not None and date.fromisoformat(card.retires_on) <= today
