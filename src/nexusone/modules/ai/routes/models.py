"""REST door of the catalog: models and their prices, voices."""

from typing import Annotated

from fastapi import Path, Query

from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.generations import Model
from nexusone.modules.ai.contracts.speakers import Speaker
from nexusone.modules.ai.ports.models import Kind
from nexusone.modules.ai.service import models, speakers
from nexusone.modules.ai.service.refusals import ModelNotFound, NoTextModel
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("ai")

KindFilter = Annotated[Kind | None, Query(description="Only models that make this.")]
ModelPath = Annotated[str, Path(max_length=100, description="The model's name; it may have slashes in it.")]


@door.get("/models", permission="generations:read", summary="The models there are, and their prices", refusals=(NoTextModel,))
async def list_models(ctx: Caller, kind: KindFilter = None) -> Page[Model]:
    return Page(items=await models.list_models(ctx, kind=kind), next_cursor=None)


@door.get("/models/{name:path}", permission="generations:read", summary="One model", refusals=(ModelNotFound,))
async def show_model(ctx: Caller, name: ModelPath) -> Model:
    return await models.show_model(ctx, name=name)


@door.get("/voices", permission="generations:read", summary="The voices that read aloud")
async def list_voices(ctx: Caller, pager: Pager) -> Page[Speaker]:
    return pager.page(await speakers.list_speakers(ctx, request=pager.request))
