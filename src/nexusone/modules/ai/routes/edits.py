"""REST door of what people make of texts that models wrote."""

from uuid import UUID

from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.edits import GenerationEdit, NewDisposition, NewEdit
from nexusone.modules.ai.contracts.generations import Generation
from nexusone.modules.ai.service import edits
from nexusone.modules.ai.service.refusals import GenerationNotFound
from nexusone.modules.ai.service.refusals_tasks import EditNeedsPerson, EditNotMatching, NotDisposable, NotEditable
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("generation_edits")


@door.post(
    "/generations/{generation_id}/edits",
    permission="generations:write",
    status=201,
    summary="Keep a text as a person wrote it",
    refusals=(GenerationNotFound, NotEditable, EditNotMatching, EditNeedsPerson),
)
async def edit(ctx: Caller, generation_id: UUID, body: NewEdit) -> GenerationEdit:
    """Whoever edits takes editorial responsibility: who, when and what was changed is kept; the model's own text stays beside it."""
    return await edits.edit_generation(ctx, generation_id=generation_id, wanted=body)


@door.get(
    "/generations/{generation_id}/edits",
    permission="generations:read",
    summary="What people made of a text, newest first",
    refusals=(GenerationNotFound,),
)
async def list_edits(ctx: Caller, generation_id: UUID, pager: Pager) -> Page[GenerationEdit]:
    return pager.page(await edits.list_edits(ctx, generation_id=generation_id, request=pager.request))


@door.post(
    "/generations/{generation_id}/disposition",
    permission="generations:write",
    summary="Say what became of what was made",
    refusals=(GenerationNotFound, NotDisposable),
)
async def dispose(ctx: Caller, generation_id: UUID, body: NewDisposition) -> Generation:
    """The last word counts; the trail has every one."""
    return await edits.dispose(ctx, generation_id=generation_id, wanted=body)
