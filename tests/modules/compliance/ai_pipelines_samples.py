"""Samples of pipelines, their secrets, runs and reviews."""

import httpx2
from tests.modules.compliance.samples import Stage, sample, visit

from nexusone.kernel.ids import new_id
from nexusone.modules.ai.service import reviews

PIPELINE = {
    "name": "Sign-off",
    "definition": {"steps": [{"id": "sign_off", "kind": "approval", "title": "Look", "show": {"copy": "A lamp."}}]},
}


SECRET = "/v1/pipeline-secrets/crm_token"


async def kept(stage: Stage) -> httpx2.Response:
    """A secret that was just put in."""
    return await stage.client.put(SECRET, json={"value": "s3cret"})


async def started(stage: Stage) -> httpx2.Response:
    pipeline_id = await stage.made("/v1/pipelines", PIPELINE)
    answer = await stage.client.post(f"/v1/pipelines/{pipeline_id}/publish", json={})
    assert answer.status_code == 200, answer.text
    return await stage.client.post(f"/v1/pipelines/{pipeline_id}/runs", json={}, headers={"Idempotency-Key": str(new_id())})


async def reviewed(stage: Stage) -> dict[str, str]:
    """A run that waits for a person: its review."""
    run_id = (await started(stage)).json()["id"]
    await stage.composition.worker(only=["ai"]).drain()
    (found,) = (await stage.client.get(f"/v1/pipeline-runs/{run_id}/reviews")).json()["items"]
    shown: dict[str, str] = found
    return shown


def decision(review: dict[str, str]) -> dict[str, str]:
    return {"decision": "approve", "name": "Ada", "content_sha256": review["content_sha256"]}


@sample("pipeline_secrets.put_secret")
async def _(stage: Stage) -> httpx2.Response:
    return await kept(stage)


@sample("pipeline_secrets.delete_secret")
async def _(stage: Stage) -> httpx2.Response:
    await kept(stage)
    return await stage.client.delete(SECRET)


@sample("pipelines.create_pipeline")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/pipelines", json=PIPELINE)


@sample("pipelines.change_pipeline")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(f"/v1/pipelines/{await stage.made('/v1/pipelines', PIPELINE)}", json={"name": "Look"})


@sample("pipelines.publish_pipeline")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post(f"/v1/pipelines/{await stage.made('/v1/pipelines', PIPELINE)}/publish", json={})


@sample("pipelines.delete_pipeline")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/pipelines/{await stage.made('/v1/pipelines', PIPELINE)}")


@sample("pipelines.start_run")
async def _(stage: Stage) -> httpx2.Response:
    return await started(stage)


@sample("pipelines.cancel_run")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post(f"/v1/pipeline-runs/{(await started(stage)).json()['id']}/cancel")


@sample("pipelines.retry_run")
async def _(stage: Stage) -> httpx2.Response:
    run_id = (await started(stage)).json()["id"]
    await stage.client.post(f"/v1/pipeline-runs/{run_id}/cancel")
    return await stage.client.post(f"/v1/pipeline-runs/{run_id}/retry", json={}, headers={"Idempotency-Key": str(new_id())})


@sample("reviews.decide")
async def _(stage: Stage) -> httpx2.Response:
    review = await reviewed(stage)
    return await stage.client.post(f"/v1/pipeline-reviews/{review['id']}/decision", json=decision(review))


@sample("reviews.comment")
async def _(stage: Stage) -> httpx2.Response:
    review = await reviewed(stage)
    return await stage.client.post(f"/v1/pipeline-reviews/{review['id']}/comments", json={"name": "Ada", "text": "Good."})


@sample("reviews.decide_by_link")
async def _(stage: Stage) -> httpx2.Response:
    review = await reviewed(stage)
    return await visit(stage, f"/v1/reviews/{token_of(review)}/decision", decision(review))


@sample("reviews.comment_by_link")
async def _(stage: Stage) -> httpx2.Response:
    review = await reviewed(stage)
    return await visit(stage, f"/v1/reviews/{token_of(review)}/comments", {"name": "Ada", "text": "Good."})


@sample("reviews.answer_page")
async def _(stage: Stage) -> httpx2.Response:
    review = await reviewed(stage)
    return await stage.client.post(f"{reviews.PAGE_PATH}/{token_of(review)}", data=decision(review))


def token_of(review: dict[str, str]) -> str:
    """What of the link is secret."""
    return review["link"].rpartition("/")[2]
