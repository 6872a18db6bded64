"""The list of models against the vendor's contract."""

import json

import pytest
from tests.providers.openai.contract import CONTRACT

from nexusone.providers.openai.catalog import listed_models, priced_models, reasoning_effort


@pytest.mark.skipif(not CONTRACT.exists(), reason="the vendor's contract is not at shared/providers/specs")
def test_every_listed_model_is_one_of_the_vendors() -> None:
    schemas = json.loads(CONTRACT.read_text(encoding="utf-8"))["components"]["schemas"]
    known = {
        name for schema in ("ModelIdsShared", "ModelIdsResponses") for part in schemas[schema]["anyOf"] for name in part.get("enum", [])
    }
    assert {listed.name for listed in listed_models()} <= known


def test_a_model_without_a_price_is_not_offered() -> None:
    unpriced = {listed.name for listed in listed_models() if listed.output_price_micros is None}
    assert unpriced
    assert not unpriced & {card.name for card in priced_models()}


def test_a_model_that_is_not_listed_is_not_told_how_hard_to_think() -> None:
    assert reasoning_effort("some-local-model") is None
    assert reasoning_effort("gpt-5.6-terra") == "low"
