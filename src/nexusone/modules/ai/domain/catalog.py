"""Which model writes: only models with a price that have not retired are offered."""

from collections.abc import Iterable
from datetime import date

from nexusone.modules.ai.domain.tariff import Usage, cost_nano
from nexusone.modules.ai.ports import ModelCard


def offered_models(cards: Iterable[ModelCard], *, today: date) -> tuple[ModelCard, ...]:
    """The cards that may be used; a model without a price would be free, so it is left out."""
    return tuple(card for card in cards if _is_priced(card) and not _is_retired(card, today))


def find_model(cards: Iterable[ModelCard], *, name: str | None) -> ModelCard | None:
    """The named model, or the default where no name is given."""
    return next((card for card in cards if (card.is_default if name is None else card.name == name)), None)


def cheapest_instead(cards: Iterable[ModelCard], *, asked: ModelCard, bound: Usage, output_tokens_max: int) -> ModelCard | None:
    """The cheapest model that can write the same, `bound` at the most, for less than the one asked for; None where that is the cheapest."""
    context_needed = min(asked.context_tokens, bound.input_tokens + output_tokens_max)
    able = [
        card
        for card in cards
        if card.kind == asked.kind and card.output_tokens_max >= output_tokens_max and card.context_tokens >= context_needed
    ]
    cheapest = min(able, key=lambda card: (_cost(card, bound), card.name), default=asked)
    return cheapest if _cost(cheapest, bound) < _cost(asked, bound) else None


def _cost(card: ModelCard, usage: Usage) -> int:
    return cost_nano(usage, input_price_micros=card.input_price_micros, output_price_micros=card.output_price_micros)


def _is_priced(card: ModelCard) -> bool:
    return card.input_price_micros > 0 and card.output_price_micros > 0


def _is_retired(card: ModelCard, today: date) -> bool:
    return card.retires_on is not None and date.fromisoformat(card.retires_on) <= today
