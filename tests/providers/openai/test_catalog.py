"""The list of models against the vendor's contract."""

import json
from typing import Any

import pytest
from pydantic import ValidationError
from tests.providers.openai.contract import CONTRACT

from nexusone.providers.openai.catalog import (
    ListedImageModel,
    ListedModerationModel,
    ListedTextModel,
    card_of,
    listed_models,
    priced_models,
    reasoning_effort,
)

UNPRICED_IMAGES: dict[str, Any] = {"name": "painter", "kind": "image", "prompt_characters_max": 1, "images_max": 1}


def known_names(kind: str) -> set[str]:
    schemas = json.loads(CONTRACT.read_text(encoding="utf-8"))["components"]["schemas"]
    requests = {"image": "CreateImageRequest", "embedding": "CreateEmbeddingRequest", "moderation": "CreateModerationRequest"}
    named = (
        [schemas["ModelIdsShared"], schemas["ModelIdsResponses"]] if kind == "text" else [schemas[requests[kind]]["properties"]["model"]]
    )
    return {name for one in named for part in one["anyOf"] for name in part.get("enum", [])}


@pytest.mark.skipif(not CONTRACT.exists(), reason="the vendor's contract is not at shared/providers/specs")
@pytest.mark.parametrize("kind", ["text", "image", "embedding", "moderation"])
def test_every_listed_model_is_one_of_the_vendors(kind: str) -> None:
    listed = {one.name for one in listed_models() if one.kind == kind}
    assert listed
    assert listed <= known_names(kind)


def test_a_model_without_a_price_is_not_offered() -> None:
    unpriced = {one.name for one in listed_models() if isinstance(one, ListedTextModel) and one.output_price_micros is None}
    assert unpriced
    assert not unpriced & {card.name for card in priced_models("text")}
    assert ListedImageModel(**UNPRICED_IMAGES, input_price_micros=5).card() is None
    assert ListedModerationModel(name="judge", kind="moderation").card() is None


def test_only_what_says_that_it_is_free_costs_nothing() -> None:
    free = ListedModerationModel(name="judge", kind="moderation", is_free=True).card()
    assert free is not None
    assert [(price.unit, price.micros) for price in free.prices] == [("request", 0)]
    with pytest.raises(ValidationError):
        ListedModerationModel(name="judge", kind="moderation", request_price_micros=0)
    with pytest.raises(ValidationError):
        ListedImageModel(**UNPRICED_IMAGES, input_price_micros=5, image_price_micros={"1024x1024": {"low": 0}})


def test_every_size_of_a_picture_has_a_price_for_every_quality() -> None:
    for card in priced_models("image"):
        priced = {(price.when["size"], price.when["quality"]) for price in card.prices if price.unit == "image"}
        assert priced == {(size, quality) for size in card.sizes for quality in ("low", "medium", "high")}


@pytest.mark.parametrize("kind", ["text", "image", "embedding", "moderation"])
def test_every_kind_has_one_default_that_is_not_about_to_retire(kind: Any) -> None:
    default = [card for card in priced_models(kind) if card.is_default]
    assert [card.retires_on for card in default] == [None]
    assert card_of(default[0].name, kind=kind) is default[0]


def test_a_model_that_is_not_listed_is_not_told_how_hard_to_think() -> None:
    assert reasoning_effort("some-local-model") is None
    assert reasoning_effort("gpt-5.6-terra") == "low"
    assert card_of("some-local-model", kind="text") is None
