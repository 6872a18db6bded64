"""REST door of generations and models."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Response

from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.generations import Generation, Model, NewGeneration
from nexusone.modules.ai.service import generations, models
from nexusone.modules.ai.service.refusals import GenerationNotFound, ModelUnknown, NoTextModel, OutputSchemaInvalid
from nexusone.modules.billing.api import InsufficientCredits, PurposeStopped
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("ai")

Preference = Annotated[str | None, Header(max_length=200, description="`respond-async`: answer 202 at once and write by a job.")]

NOT_FINISHED = {
    "description": "Not finished yet: ask for it at the address in Location.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Generation"}}},
}


@door.post(
    "/generations",
    permission="generations:write",
    status=201,
    summary="Write a text",
    cost=5,
    refusals=(InsufficientCredits, PurposeStopped, ModelUnknown, OutputSchemaInvalid, NoTextModel),
    openapi_extra={"responses": {"202": NOT_FINISHED}},
)
async def generate(ctx: Caller, body: NewGeneration, response: Response, prefer: Preference = None) -> Generation:
    """201 with the ended generation where it ends in time, else 202 with a running one.

    The Idempotency-Key is optional so that the simplest client can write; one that repeats requests sends it, because
    without it every request is a new generation and is paid for.
    """
    if _is_async(prefer):
        made = await generations.generate_later(ctx, wanted=body)
    else:
        made = await generations.generate(ctx, wanted=body)
    response.headers["Location"] = f"/v1/generations/{made.id}"
    if made.finished_at is None:
        response.status_code = generations.ACCEPTED
    return made


@door.get("/generations", permission="generations:read", summary="List generations, newest first")
async def list_generations(ctx: Caller, pager: Pager) -> Page[Generation]:
    return pager.page(await generations.list_generations(ctx, request=pager.request))


@door.get("/generations/{generation_id}", permission="generations:read", summary="One generation", refusals=(GenerationNotFound,))
async def get_generation(ctx: Caller, generation_id: UUID) -> Generation:
    return await generations.get_generation(ctx, generation_id=generation_id)


@door.get("/models", permission="generations:read", summary="The models that write, and their prices", refusals=(NoTextModel,))
async def list_models(ctx: Caller) -> Page[Model]:
    return Page(items=models.list_models(ctx), next_cursor=None)


def _is_async(prefer: str | None) -> bool:
    return "respond-async" in {wish.split(";")[0].strip().lower() for wish in (prefer or "").split(",")}
