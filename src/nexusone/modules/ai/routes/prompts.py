"""REST door of prompt templates."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Response

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.prompts import (
    NewPrompt,
    Prompt,
    PromptChange,
    PromptRendering,
    PromptSummary,
    PromptVersion,
    RenderedPrompt,
)
from nexusone.modules.ai.service import prompts
from nexusone.modules.ai.service.refusals_prompts import PromptFaulty, PromptNotFound, PromptNotRenderable
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("prompts")

Version = Annotated[int, Path(ge=1, le=1_000_000)]


@door.post("/prompts", permission="prompts:write", status=201, summary="Write a prompt template", refusals=(PromptFaulty,), cost=5)
async def create_prompt(ctx: Caller, body: NewPrompt, response: Response) -> Prompt:
    made = await prompts.create_prompt(ctx, wanted=body)
    tag_version(response, made.version)
    return made


@door.get("/prompts", permission="prompts:read", summary="List the prompt templates, newest first")
async def list_prompts(ctx: Caller, pager: Pager) -> Page[PromptSummary]:
    return pager.page(await prompts.list_prompts(ctx, request=pager.request))


@door.get("/prompts/{prompt_id}", permission="prompts:read", summary="Read a prompt template", refusals=(PromptNotFound,))
async def get_prompt(ctx: Caller, prompt_id: UUID, response: Response) -> Prompt:
    found = await prompts.get_prompt(ctx, prompt_id=prompt_id)
    tag_version(response, found.version)
    return found


@door.patch(
    "/prompts/{prompt_id}",
    permission="prompts:write",
    summary="Change a prompt template by a new version",
    refusals=(PromptNotFound, PromptFaulty, PreconditionFailed),
    cost=5,
)
async def change_prompt(ctx: Caller, prompt_id: UUID, body: PromptChange, expected: ExpectedVersion, response: Response) -> Prompt:
    changed = await prompts.change_prompt(ctx, prompt_id=prompt_id, change=body, expected_version=expected)
    tag_version(response, changed.version)
    return changed


@door.delete("/prompts/{prompt_id}", permission="prompts:write", status=204, summary="Delete a prompt template", refusals=(PromptNotFound,))
async def delete_prompt(ctx: Caller, prompt_id: UUID) -> Response:
    await prompts.delete_prompt(ctx, prompt_id=prompt_id)
    return Response(status_code=204)


@door.get(
    "/prompts/{prompt_id}/versions",
    permission="prompts:read",
    summary="List the versions of a prompt template, newest first",
    refusals=(PromptNotFound,),
)
async def list_versions(ctx: Caller, prompt_id: UUID, pager: Pager) -> Page[PromptVersion]:
    return pager.page(await prompts.list_versions(ctx, prompt_id=prompt_id, request=pager.request))


@door.get(
    "/prompts/{prompt_id}/versions/{version}",
    permission="prompts:read",
    summary="Read a version of a prompt template",
    refusals=(PromptNotFound,),
)
async def get_version(ctx: Caller, prompt_id: UUID, version: Version) -> PromptVersion:
    return await prompts.get_version(ctx, prompt_id=prompt_id, version=version)


@door.post(
    "/prompts/{prompt_id}/render",
    permission="prompts:read",
    summary="See what a prompt template says with values in it",
    refusals=(PromptNotFound, PromptNotRenderable),
    key_use="none",
    cost=2,
)
async def render_prompt(ctx: Caller, prompt_id: UUID, body: PromptRendering) -> RenderedPrompt:
    return await prompts.try_prompt(ctx, prompt_id=prompt_id, request=body)
