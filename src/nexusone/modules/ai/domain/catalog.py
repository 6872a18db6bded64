"""Which model is asked: only models with a price that have not retired are offered."""

from collections.abc import Callable, Container, Iterable
from datetime import date, timedelta

from nexusone.modules.ai.ports.models import Kind, ModelCard


def offered_models(cards: Iterable[ModelCard], *, today: date) -> tuple[ModelCard, ...]:
    """The cards that may be used; a model without a price would be free, so it is left out."""
    return tuple(card for card in cards if _is_priced(card) and not _is_retired(card, today))


def retiring_models(
    cards: Iterable[ModelCard], *, today: date, within: timedelta, used: Container[tuple[str, str]]
) -> tuple[ModelCard, ...]:
    """The models that retire in so little time, of those that were `used` (by vendor and name) or are asked by default."""
    return tuple(
        card
        for card in cards
        if card.retires_on is not None
        and today <= date.fromisoformat(card.retires_on) <= today + within
        and (card.is_default or (card.vendor, card.name) in used)
    )


def find_model(cards: Iterable[ModelCard], *, kind: Kind, name: str | None) -> ModelCard | None:
    """The named model of a kind, or the default where no name is given."""
    return next((card for card in cards if card.kind == kind and (card.is_default if name is None else card.name == name)), None)


def cheapest_instead(
    cards: Iterable[ModelCard], *, asked: ModelCard, can: Callable[[ModelCard], bool], cost: Callable[[ModelCard], int]
) -> ModelCard | None:
    """The cheapest model that can make the same for less than the one asked for; None where that is the cheapest."""
    able = [card for card in cards if card.kind == asked.kind and can(card)]
    cheapest = min(able, key=lambda card: (cost(card), card.name), default=asked)
    return cheapest if cost(cheapest) < cost(asked) else None


def _is_priced(card: ModelCard) -> bool:
    return bool(card.prices) and all(price.micros > 0 for price in card.prices)


def _is_retired(card: ModelCard, today: date) -> bool:
    return card.retires_on is not None and date.fromisoformat(card.retires_on) <= today
