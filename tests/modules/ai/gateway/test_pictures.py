"""Pictures through the door of another wire: marked, kept as assets, told as bytes or as links."""

import base64
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from openai import BadRequestError
from tests.modules.ai.gateway_house import PAINTER, House, open_house
from tests.providers.openai.contract import hold_to_contract

from nexusone.apps.compose import Composition
from nexusone.platform.provenance import read_mark


@pytest.fixture
async def house(composition: Composition) -> AsyncIterator[House]:
    async with open_house(composition) as made:
        yield made
    hold_to_contract(made.recorder.exchanges)


@pytest.mark.parametrize("form", [None, "b64_json", "url"])
async def test_pictures_are_marked_and_kept_and_come_as_bytes_or_as_links(house: House, form: str | None) -> None:
    asked: dict[str, Any] = {} if form is None else {"response_format": form}
    async with house.client() as client:
        answer = await client.images.generate(model=PAINTER, prompt="A solar lamp", n=2, size="1024x1024", quality="low", **asked)
    assert answer.data is not None
    assets = (await house.customer.client.get("/v1/assets")).json()["items"]
    assert [(asset["origin"], asset["has_manifest"], asset["is_ai_generated"]) for asset in assets] == [("generated", True, True)] * 2
    made = await house.until_ended()
    assert sorted(file["id"] for file in made["assets"]) == sorted(asset["id"] for asset in assets)
    digests = set()
    for picture in answer.data:
        assert (picture.url is None) == (form != "url")
        content = base64.b64decode(picture.b64_json or "") if picture.url is None else await opened(house, picture.url)
        mark = read_mark(content, "image/png")
        assert mark is not None
        assert mark.is_made_by_model
        digests.add(sha256(content).hexdigest())
    assert digests == {asset["sha256"] for asset in assets}
    assert "response_format" not in await house.last_body()
    assert (await house.until_settled()).held_micros == 0


async def test_a_form_of_pictures_that_is_not_known_is_a_bad_request(house: House) -> None:
    async with house.client() as client:
        with pytest.raises(BadRequestError) as refused:
            await client.images.generate(model=PAINTER, prompt="A lamp", extra_body={"response_format": "gif"})
    assert (refused.value.param, refused.value.code) == ("response_format", "invalid_value")


async def test_a_repeated_request_for_pictures_gives_the_same_and_keeps_them_once(house: House) -> None:
    async with house.client() as client:
        first, second = [
            await client.images.generate(
                model=PAINTER, prompt="A solar lamp", size="1024x1024", quality="low", extra_headers={"Idempotency-Key": "pictures"}
            )
            for _ in range(2)
        ]
    assert first.data == second.data
    assert len((await house.customer.client.get("/v1/assets")).json()["items"]) == 1


async def opened(house: House, url: str) -> bytes:
    """What a link gives to somebody without a key."""
    async with httpx2.AsyncClient() as client:
        answer = await client.get(house.address + urlsplit(url).path)
    assert answer.status_code == 200
    return bytes(answer.content)
