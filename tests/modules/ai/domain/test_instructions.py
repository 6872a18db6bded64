"""What models are told."""

from dataclasses import replace

import pytest
from tests.modules.ai.scripted import CARD, NOW

from nexusone.modules.ai.domain.catalog import find_model, offered_models
from nexusone.modules.ai.domain.instructions import instructions_for, language_name
from nexusone.modules.ai.ports.models import token_prices


@pytest.mark.parametrize(
    ("locale", "name"), [("de", "German"), ("de-AT", "German (Austria)"), ("zh-Hant-TW", "Chinese (Traditional, Taiwan)"), ("xx", "xx")]
)
def test_the_language_is_named_and_tagged(locale: str, name: str) -> None:
    assert language_name(locale) == name
    assert f"Write in {name} (locale: {locale})" in instructions_for(locale=locale, has_schema=False)


def test_a_model_without_a_price_or_past_its_time_is_not_offered() -> None:
    cards = (
        CARD,
        replace(CARD, name="free-input", prices=token_prices(input_micros=0, output_micros=1)),
        replace(CARD, name="free-output", prices=token_prices(input_micros=1, output_micros=0)),
        replace(CARD, name="retired", retires_on=NOW.date().isoformat()),
        replace(CARD, name="retiring", retires_on="2999-01-01", is_default=False),
    )
    offered = offered_models(cards, today=NOW.date())
    assert [card.name for card in offered] == [CARD.name, "retiring"]
    assert find_model(offered, kind="text", name=None) == CARD
    assert find_model(offered, kind="text", name="retired") is None
