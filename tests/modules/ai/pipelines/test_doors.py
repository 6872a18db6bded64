"""The doors of pipelines: definitions, versions, runs, reviews by link and by member, GraphQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from tests.customers import Customer, customer_at, no_lifespan, visitor_at
from tests.modules.ai.scripted import scripted

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.ports.text import TextModels

DEFINITION: dict[str, Any] = {
    "inputs": {"brief": {}},
    "steps": [
        {"id": "copy", "kind": "generate", "prompt": "Announce {{ inputs.brief }}."},
        {"id": "sign_off", "kind": "approval", "title": "<Copy>", "show": {"copy": "{{ steps.copy.output }}<script>alert(1)</script>"}},
    ],
}


@dataclass
class House:
    composition: Composition
    customer: Customer
    visitor: httpx2.AsyncClient

    @property
    def client(self) -> httpx2.AsyncClient:
        return self.customer.client

    async def pipeline(self) -> str:
        made = await self.client.post("/v1/pipelines", json={"name": "Announcement", "definition": DEFINITION})
        assert made.status_code == 201, made.text
        published = await self.client.post(f"/v1/pipelines/{made.json()['id']}/publish", json={})
        assert published.json()["published_version"] == 1
        return str(made.json()["id"])

    async def run(self, pipeline_id: str) -> str:
        answer = await self.client.post(
            f"/v1/pipelines/{pipeline_id}/runs", json={"inputs": {"brief": "x"}}, headers={"Idempotency-Key": str(new_id())}
        )
        assert answer.status_code == 202, answer.text
        await self.composition.worker(only=["ai", "billing", "identity"]).drain()
        return str(answer.json()["id"])

    async def review(self, run_id: str) -> dict[str, Any]:
        (found,) = (await self.client.get(f"/v1/pipeline-runs/{run_id}/reviews")).json()["items"]
        shown: dict[str, Any] = found
        return shown


@pytest.fixture
async def house(composition: Composition) -> AsyncIterator[House]:
    used = replace(
        composition,
        runtime=replace(composition.runtime, ports={**composition.runtime.ports, TextModels: TextModels({"scripted": scripted()})}),
    )
    app = used.application(lifespan=no_lifespan)
    async with customer_at(app) as customer, visitor_at(app) as visitor:
        await used.worker(only=["identity", "billing"]).drain()
        yield House(used, customer, visitor)


async def test_a_pipeline_is_written_changed_by_versions_published_and_deleted(house: House) -> None:
    pipeline_id = await house.pipeline()
    changed = await house.client.patch(f"/v1/pipelines/{pipeline_id}", json={"name": "News"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["version"], changed.json()["published_version"]) == (200, 2, 1)
    stale = await house.client.patch(f"/v1/pipelines/{pipeline_id}", json={"name": "Old"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    versions = (await house.client.get(f"/v1/pipelines/{pipeline_id}/versions")).json()["items"]
    assert [(item["version"], item["name"], item["is_published"]) for item in versions] == [(2, "News", False), (1, "Announcement", True)]
    estimate = await house.client.post(f"/v1/pipelines/{pipeline_id}/estimate", json={"inputs": {"brief": "x"}})
    assert [item["step"] for item in estimate.json()["steps"]] == ["copy"]
    assert (await house.client.delete(f"/v1/pipelines/{pipeline_id}")).status_code == 204
    gone = await house.client.get(f"/v1/pipelines/{pipeline_id}")
    assert (gone.status_code, gone.json()["code"]) == (404, "ai.pipeline_not_found")


async def test_a_faulty_definition_is_refused_with_the_step_that_is_wrong(house: House) -> None:
    steps = [{"id": "copy", "kind": "generate", "prompt": "{{ steps.later.output }}"}]
    answer = await house.client.post("/v1/pipelines", json={"name": "x", "definition": {"steps": steps}})
    assert (answer.status_code, answer.json()["code"]) == (422, "ai.pipeline_faulty")
    (fault,) = answer.json()["errors"]
    assert (fault["pointer"], fault["detail"]) == ("/definition/steps/0/prompt", "step copy: no step before it is called later")
    assert (await house.client.post("/v1/pipelines", json={"example": "no-such"})).status_code == 404
    assert (await house.client.post("/v1/pipelines", json={})).status_code == 422
    examples = (await house.client.get("/v1/pipeline-examples")).json()["items"]
    assert [item["name"] for item in examples] == ["catalog-translation", "product-launch-kit"]
    assert (await house.client.post("/v1/pipelines", json={"example": "catalog-translation"})).json()["name"] == "Catalog translation"


async def test_a_run_is_started_once_a_key_and_waits_for_somebody_with_the_link(house: House) -> None:
    pipeline_id = await house.pipeline()
    missing = await house.client.post(f"/v1/pipelines/{pipeline_id}/runs", json={"inputs": {"brief": "x"}})
    assert missing.status_code == 400
    key = {"Idempotency-Key": str(new_id())}
    body = {"inputs": {"brief": "x"}, "budget": "per_step"}
    first = await house.client.post(f"/v1/pipelines/{pipeline_id}/runs", json=body, headers=key)
    again = await house.client.post(f"/v1/pipelines/{pipeline_id}/runs", json=body, headers=key)
    assert (first.status_code, again.json()["id"], again.headers["idempotent-replayed"]) == (202, first.json()["id"], "true")
    await house.composition.worker(only=["ai"]).drain()
    review = await house.review(first.json()["id"])
    token = review["link"].rpartition("/")[2]
    shown = await house.visitor.get(f"/v1/reviews/{token}")
    assert shown.json()["content_sha256"] == review["content_sha256"]
    assert (await house.visitor.get(f"/v1/reviews/{token}x")).status_code == 404
    page = await house.visitor.get(f"/review/{token}")
    assert "<script" not in page.text
    assert "&lt;Copy&gt;" in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    nameless = await house.visitor.post(f"/review/{token}", data={"decision": "approve", "content_sha256": review["content_sha256"]})
    assert nameless.status_code == 422
    form = {"decision": "approve", "name": "Grace", "content_sha256": review["content_sha256"], "comment": "Good."}
    thanks = await house.visitor.post(f"/review/{token}", data=form)
    assert (thanks.status_code, "Approved by Grace" in thanks.text) == (200, True)
    twice = await house.visitor.post(f"/review/{token}", data=form)
    assert twice.status_code == 409
    await house.composition.worker(only=["ai"]).drain()
    run = (await house.client.get(f"/v1/pipeline-runs/{first.json()['id']}")).json()
    assert (run["status"], run["progress"]) == ("succeeded", 100)
    listed = (await house.client.get("/v1/pipeline-runs", params={"pipeline_id": pipeline_id, "status": "succeeded"})).json()["items"]
    assert [item["id"] for item in listed] == [run["id"]]


async def test_members_say_and_decide_what_is_reviewed(house: House) -> None:
    review = await house.review(await house.run(await house.pipeline()))
    said = await house.client.post(f"/v1/pipeline-reviews/{review['id']}/comments", json={"name": "Ada", "text": "Shorter."})
    assert (said.status_code, said.json()["comments"][0]["is_member"]) == (201, True)
    body = {"decision": "reject", "name": "Ada", "content_sha256": review["content_sha256"]}
    decided = await house.client.post(f"/v1/pipeline-reviews/{review['id']}/decision", json=body)
    assert decided.json()["state"] == "rejected"
    late = await house.client.post(f"/v1/pipeline-reviews/{review['id']}/comments", json={"name": "Ada", "text": "More."})
    assert (late.status_code, late.json()["code"]) == (409, "ai.review_closed")


async def test_pipelines_and_runs_are_read_by_graphql(house: House) -> None:
    pipeline_id = await house.pipeline()
    run_id = await house.run(pipeline_id)
    query = f'{{ pipelines {{ items {{ id name }} }} pipeline(id: "{pipeline_id}") {{ definition }} }}'
    answer = (await house.client.post("/graphql", json={"query": query})).json()
    assert answer["data"]["pipelines"]["items"] == [{"id": pipeline_id, "name": "Announcement"}]
    query = f'{{ pipeline_runs(limit: 5) {{ items {{ id status }} }} pipeline_run(id: "{run_id}") {{ progress steps }} }}'
    answer = (await house.client.post("/graphql", json={"query": query})).json()
    assert answer["data"]["pipeline_runs"]["items"] == [{"id": run_id, "status": "running"}]
    assert [step["state"] for step in answer["data"]["pipeline_run"]["steps"]] == ["succeeded", "awaiting_approval"]
