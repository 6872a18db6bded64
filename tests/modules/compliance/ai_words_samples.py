"""Samples of prompt templates and brand voices."""

import httpx2
from tests.modules.compliance.samples import Stage, sample

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


@sample("brand_voices.create_voice")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/brand-voices", json=VOICE)


@sample("brand_voices.change_voice")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(f"/v1/brand-voices/{await stage.made('/v1/brand-voices', VOICE)}", json={"is_default": True})


@sample("brand_voices.delete_voice")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/brand-voices/{await stage.made('/v1/brand-voices', VOICE)}")
