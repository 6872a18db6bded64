"""Samples of prompt templates and brand voices."""

from uuid import UUID

import httpx2
from tests.modules.compliance.samples import Stage, sample

from nexusone.modules.ai.domain.lifecycle import Outcome
from nexusone.modules.ai.domain.tariff import Usage
from nexusone.modules.ai.service.endings import end

PROMPT = {"name": "Launch", "default_locale": "en", "variables": {"product": {}}, "texts": {"en": "Announce {{ product }}."}}
VOICE = {"name": "House", "tone": "Plain and warm."}


@sample("prompts.create_prompt")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/prompts", json=PROMPT)


@sample("prompts.change_prompt")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(f"/v1/prompts/{await stage.made('/v1/prompts', PROMPT)}", json={"name": "Relaunch"})


@sample("prompts.delete_prompt")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/prompts/{await stage.made('/v1/prompts', PROMPT)}")


@sample("content_tasks.run")
async def _(stage: Stage) -> httpx2.Response:
    await stage.credits()
    return await stage.client.post("/v1/content-tasks/sms", json={"input": {"brief": "Our lamp is here."}, "locales": ["en"]})


async def written(stage: Stage) -> str:
    """A text that a model wrote."""
    await stage.credits()
    answer = await stage.client.post("/v1/generations", json={"kind": "text", "prompt": "Announce the lamp.", "locale": "de"})
    generation_id = answer.json()["id"]
    ctx = stage.composition.runtime.system(stage.customer.workspace_id)
    await end(ctx, generation_id=UUID(generation_id), outcome=Outcome(status="succeeded", usage=Usage(1, 1), output="Licht."))
    return str(generation_id)


@sample("generation_edits.edit")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post(f"/v1/generations/{await written(stage)}/edits", json={"output": "Mehr Licht."})


@sample("generation_edits.dispose")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post(f"/v1/generations/{await written(stage)}/disposition", json={"disposition": "used"})


@sample("brand_voices.create_voice")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/brand-voices", json=VOICE)


@sample("brand_voices.change_voice")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(f"/v1/brand-voices/{await stage.made('/v1/brand-voices', VOICE)}", json={"is_default": True})


@sample("brand_voices.delete_voice")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/brand-voices/{await stage.made('/v1/brand-voices', VOICE)}")
