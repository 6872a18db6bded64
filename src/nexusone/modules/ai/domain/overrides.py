"""What a deployment says of models otherwise than their vendors' tables: prices, which are hidden, which are asked first, until when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from nexusone.modules.ai.ports.models import ModelCard, Price


@dataclass(frozen=True, slots=True)
class ModelOverride:
    """What is said of one model; None where the vendor's table counts. Without prices (empty) it is refused."""

    prices: tuple[Price, ...] | None = None
    hidden: bool = False
    is_default: bool | None = None
    retires_on: str | None = None


def with_overrides(cards: Iterable[ModelCard], overrides: Mapping[tuple[str, str], ModelOverride]) -> tuple[ModelCard, ...]:
    """The cards as the deployment has them; a default that it names is the only one of its kind."""
    kept = [card for card in cards if not overrides.get((card.vendor, card.name), ModelOverride()).hidden]
    named = {card.kind for card in kept if overrides.get((card.vendor, card.name), ModelOverride()).is_default}
    return tuple(_changed(card, overrides.get((card.vendor, card.name), ModelOverride()), is_named=card.kind in named) for card in kept)


def _changed(card: ModelCard, override: ModelOverride, *, is_named: bool) -> ModelCard:
    is_default = card.is_default if override.is_default is None else override.is_default
    return replace(
        card,
        prices=card.prices if override.prices is None else override.prices,
        is_default=bool(override.is_default) if is_named else is_default,
        retires_on=override.retires_on or card.retires_on,
    )
