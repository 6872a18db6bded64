"""The list of models."""

from nexusone.providers.runware.catalog import SIZES, SMALL, listed_models, priced_models
from nexusone.providers.runware.manifest import MANIFEST

MEGAPIXEL = 1024 * 1024


def test_a_model_without_a_price_is_not_offered() -> None:
    unpriced = {listed.name for listed in listed_models() if listed.price_micros is None}
    assert unpriced
    assert not unpriced & {card.name for card in priced_models()}


def test_every_offered_model_has_a_price_for_whatever_size() -> None:
    for card in priced_models():
        whatever = card.price_of("image")
        assert whatever is not None
        assert all(price.micros <= whatever.micros for price in card.prices)
        assert all(price.when.get("size") in (None, SMALL) for price in card.prices)


def test_no_size_is_over_what_the_price_is_for() -> None:
    for size in SIZES:
        width, height = (int(side) for side in size.split("x"))
        assert width % 64 == height % 64 == 0
        assert width * height <= MEGAPIXEL


def test_the_manifest_names_the_vendor_and_its_key() -> None:
    assert (MANIFEST.name, MANIFEST.credential_fields) == ("runware", ("api_key",))
