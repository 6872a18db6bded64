"""The doors of brand voices: versions, guarded edits, the one default, the graph."""

import asyncio
from typing import Any
from uuid import UUID

from tests.customers import Customer

from nexusone.kernel.ids import new_id
from nexusone.modules.ai.service.voices import find_voice
from nexusone.platform.runtime import Context

VOICE: dict[str, Any] = {
    "name": "House",
    "tone": "Plain and warm.",
    "preferred": ["workshop"],
    "avoided": [{"term": "cheap", "instead": "affordable"}],
    "forbidden_claims": ["the fastest"],
    "examples": [{"text": "It computes. You think.", "locale": "en"}],
    "locale_notes": {"de": "Per du."},
}


async def made(customer: Customer, **changed: Any) -> dict[str, Any]:
    answer = await customer.client.post("/v1/brand-voices", json={**VOICE, **changed})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def defaults(customer: Customer) -> list[str]:
    listed = (await customer.client.get("/v1/brand-voices")).json()["items"]
    return [voice["id"] for voice in listed if voice["is_default"]]


async def test_a_change_makes_a_version_and_the_former_one_stays(customer: Customer) -> None:
    voice = await made(customer)
    assert {name: voice[name] for name in VOICE} == VOICE
    path = f"/v1/brand-voices/{voice['id']}"
    answer = await customer.client.patch(path, json={"tone": "Loud.", "avoided": []}, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["version"], changed["tone"], changed["avoided"], changed["preferred"]) == (2, "Loud.", [], ["workshop"])
    assert (await customer.client.patch(path, json={"tone": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    versions = (await customer.client.get(f"{path}/versions")).json()["items"]
    assert [(item["version"], item["tone"]) for item in versions] == [(2, "Loud."), (1, "Plain and warm.")]
    assert (await customer.client.get(f"{path}/versions/1")).json()["avoided"] == VOICE["avoided"]


async def test_a_workspace_has_one_default_at_most(customer: Customer) -> None:
    first = await made(customer, is_default=True)
    second = await made(customer, is_default=True)
    assert await defaults(customer) == [second["id"]]
    assert (await customer.client.patch(f"/v1/brand-voices/{first['id']}", json={"is_default": True})).status_code == 200
    assert await defaults(customer) == [first["id"]]
    assert (await customer.client.patch(f"/v1/brand-voices/{first['id']}", json={"is_default": False})).status_code == 200
    assert await defaults(customer) == []
    changes = [customer.client.patch(f"/v1/brand-voices/{voice['id']}", json={"is_default": True}) for voice in (first, second)]
    assert [answer.status_code for answer in await asyncio.gather(*changes)] == [200, 200]
    (last,) = await defaults(customer)
    assert (await customer.client.delete(f"/v1/brand-voices/{last}")).status_code == 204
    assert await defaults(customer) == []


async def test_the_engine_finds_the_named_voice_or_the_default(customer: Customer, ctx: Context) -> None:
    within = ctx.for_workspace(customer.workspace_id)
    assert await find_voice(within, voice_id=None) is None
    voice = await made(customer)
    assert await find_voice(within, voice_id=None) is None
    default = await made(customer, is_default=True)
    found = [await find_voice(within, voice_id=wanted) for wanted in (None, UUID(voice["id"]), new_id())]
    assert [None if item is None else str(item.id) for item in found] == [default["id"], voice["id"], None]


async def test_the_graph_shows_voices(customer: Customer) -> None:
    voice = await made(customer)
    query = f'{{ brand_voices {{ items {{ name }} }} brand_voice(id: "{voice["id"]}") {{ avoided {{ term instead }} locale_notes }} }}'
    answer = (await customer.client.post("/graphql", json={"query": query})).json()["data"]
    assert answer["brand_voices"]["items"] == [{"name": "House"}]
    assert answer["brand_voice"] == {"avoided": VOICE["avoided"], "locale_notes": VOICE["locale_notes"]}
