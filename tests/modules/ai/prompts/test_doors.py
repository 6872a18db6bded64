"""The doors of prompt templates: versions, guarded edits, rendering, repeated requests, the graph."""

from typing import Any
from uuid import uuid4

import pytest
from tests.conftest import TestDatabase
from tests.customers import Customer

from nexusone.kernel.ids import new_id
from nexusone.modules.ai.service.prompts import render_prompt
from nexusone.modules.ai.service.refusals_prompts import PromptNotFound, PromptNotRenderable
from nexusone.platform.runtime import Context

PROMPT: dict[str, Any] = {
    "name": "Launch",
    "default_locale": "en",
    "variables": {"product": {"kind": "text"}},
    "texts": {"en": "Announce {{ product }}.", "de": "Kündige {{ product }} an."},
}


async def made(customer: Customer, **changed: Any) -> dict[str, Any]:
    answer = await customer.client.post("/v1/prompts", json={**PROMPT, **changed})
    assert answer.status_code == 201, answer.text
    assert answer.headers["ETag"] == '"1"'
    found: dict[str, Any] = answer.json()
    return found


async def test_a_change_makes_a_version_and_the_former_one_stays(customer: Customer) -> None:
    prompt = await made(customer)
    path = f"/v1/prompts/{prompt['id']}"
    change = {"texts": {"de": None, "fr": "Annonce {{ product }}."}, "name": "Relaunch"}
    answer = await customer.client.patch(path, json=change, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert (answer.headers["ETag"], sorted(answer.json()["texts"]), answer.json()["name"]) == ('"2"', ["en", "fr"], "Relaunch")
    stale = await customer.client.patch(path, json=change, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    versions = (await customer.client.get(f"{path}/versions?limit=1")).json()
    assert [item["version"] for item in versions["items"]] == [2]
    following = (await customer.client.get(f"{path}/versions?limit=1&cursor={versions['next_cursor']}")).json()
    assert [item["version"] for item in following["items"]] == [1]
    first = (await customer.client.get(f"{path}/versions/1")).json()
    assert (first["name"], sorted(first["texts"])) == ("Launch", ["de", "en"])
    assert (await customer.client.get(f"{path}/versions/3")).status_code == 404


async def test_a_faulty_template_is_refused_with_pointers(customer: Customer) -> None:
    answer = await customer.client.post("/v1/prompts", json={**PROMPT, "texts": {"en": "{{ other }}", "de": "{{"}})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "ai.prompt_faulty"
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [
        ("/texts/en", "prompt.variable_undeclared"),
        ("/texts/de", "liquid.unclosed"),
    ]
    prompt = await made(customer)
    broken = await customer.client.patch(f"/v1/prompts/{prompt['id']}", json={"variables": {"product": None}})
    assert broken.status_code == 422


async def test_a_template_is_rendered_in_the_nearest_language(customer: Customer) -> None:
    path = f"/v1/prompts/{(await made(customer))['id']}"
    answer = await customer.client.post(f"{path}/render", json={"locale": "de-AT", "values": {"product": "die Lampe"}})
    assert answer.json() == {"text": "Kündige die Lampe an.", "locale": "de", "version": 1}
    refused = await customer.client.post(f"{path}/render", json={"values": {"product": 1, "x": "y"}})
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/values/product", "/values/x"}


async def test_a_repeated_request_makes_one_template(customer: Customer) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    first = await customer.client.post("/v1/prompts", json=PROMPT, headers=headers)
    again = await customer.client.post("/v1/prompts", json=PROMPT, headers=headers)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert len((await customer.client.get("/v1/prompts")).json()["items"]) == 1


async def test_a_deleted_template_is_gone_with_its_versions(customer: Customer) -> None:
    path = f"/v1/prompts/{(await made(customer))['id']}"
    assert (await customer.client.delete(path)).status_code == 204
    for gone in (path, f"{path}/versions", f"{path}/versions/1"):
        assert (await customer.client.get(gone)).status_code == 404
    assert (await customer.client.delete(path)).status_code == 404


async def test_the_graph_shows_templates(customer: Customer) -> None:
    prompt = await made(customer)
    query = f'{{ prompts {{ items {{ name locales }} next_cursor }} prompt(id: "{prompt["id"]}") {{ texts variables version }} }}'
    answer = (await customer.client.post("/graphql", json={"query": query})).json()["data"]
    assert answer["prompts"] == {"items": [{"name": "Launch", "locales": ["de", "en"]}], "next_cursor": None}
    assert answer["prompt"]["texts"] == PROMPT["texts"]


async def test_the_engine_renders_any_version(customer: Customer, ctx: Context, database: TestDatabase) -> None:
    prompt = await made(customer)
    await customer.client.patch(f"/v1/prompts/{prompt['id']}", json={"texts": {"en": "Say {{ product }}."}})
    within, template_id = ctx.for_workspace(customer.workspace_id), type(customer.workspace_id)(prompt["id"])
    values = {"product": "it"}
    assert await render_prompt(within, template_id=template_id, version=None, locale="en", values=values) == "Say it."
    assert await render_prompt(within, template_id=template_id, version=1, locale="en", values=values) == "Announce it."
    with pytest.raises(PromptNotFound):
        await render_prompt(within, template_id=template_id, version=9, locale="en", values=values)
    with pytest.raises(PromptNotRenderable):
        await render_prompt(within, template_id=template_id, version=None, locale="en", values={})
    with pytest.raises(PromptNotFound):
        await render_prompt(within, template_id=new_id(), version=None, locale="en", values=values)
