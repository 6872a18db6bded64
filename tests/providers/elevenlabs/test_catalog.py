"""The list of models against the vendor's contract."""

import json

from tests.providers.conformance.openapi import document

from nexusone.providers.elevenlabs.catalog import listed, priced_models


def test_every_model_that_is_offered_is_in_the_contract() -> None:
    told = json.dumps(document("elevenlabs.json"))
    assert all(f'"{card.name}"' in told for card in priced_models())


def test_the_voices_to_begin_with_are_those_of_the_contract() -> None:
    told = json.dumps(document("elevenlabs.json"))
    assert all(f'"{voice}"' in told for voice in listed().voices)


def test_a_model_without_a_price_is_not_offered() -> None:
    unpriced = {model.name for model in listed().models if model.price_micros is None}
    assert unpriced
    assert not unpriced & {card.name for card in priced_models()}


def test_fast_models_cost_half() -> None:
    prices = {card.name: card.prices[0].micros / card.prices[0].per for card in priced_models()}
    assert prices["eleven_flash_v2_5"] * 2 == prices["eleven_multilingual_v2"] == prices["eleven_v3"] == 100


def test_the_default_says_what_it_speaks_and_how_long_a_text_may_be() -> None:
    card = next(card for card in priced_models() if card.is_default)
    assert (card.name, card.kind, card.prompt_characters_max) == ("eleven_multilingual_v2", "voice", 10_000)
    assert "de" in card.languages
    assert "hu" not in card.languages
    assert card.media_types == ("audio/mpeg", "audio/wav")
