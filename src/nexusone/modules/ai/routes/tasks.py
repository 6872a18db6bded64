"""REST door of content tasks."""

from typing import Annotated, Any

from fastapi import Path, Response

from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.tasks import ContentTaskKind, NewTaskRun, TaskRun
from nexusone.modules.ai.routes.generations import RESERVING, Preference, is_waiting
from nexusone.modules.ai.service import tasks
from nexusone.modules.ai.service.refusals_tasks import TaskInputInvalid, TaskNotFound
from nexusone.web.caller import Caller
from nexusone.web.door import Door

door = Door("content_tasks")

ENDED = {
    "description": "Ended within the time that was waited for it (`Prefer: wait`).",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TaskRun"}}},
}


@door.get("/content-tasks", permission="generations:read", summary="The tasks there are, with their inputs and outputs")
async def list_tasks(ctx: Caller) -> Page[ContentTaskKind]:
    del ctx
    return Page(items=list(tasks.list_tasks()), next_cursor=None)


@door.post(
    "/content-tasks/{name}",
    permission="generations:write",
    status=202,
    summary="Have a task written, in one language or several",
    cost=10,
    refusals=(*RESERVING, TaskNotFound, TaskInputInvalid),
    openapi_extra={"responses": {"201": ENDED}},
    response_model=TaskRun,
)
async def run(
    ctx: Caller,
    name: Annotated[str, Path(min_length=1, max_length=63)],
    body: NewTaskRun,
    response: Response,
    prefer: Preference = None,
) -> Any:
    """202 with a queued generation for each language and part; where one of several is refused, the others are made.

    With `Prefer: wait`, a single generation that ends in time is answered with 201. An answer that does not match the task's
    schema or rules is asked for again twice at most; then the generation fails with the code `ai.output_not_matching`.
    """
    if not is_waiting(prefer):
        return await tasks.submit_task(ctx, name=name, wanted=body)
    made = await tasks.run_task(ctx, name=name, wanted=body)
    if tasks.is_ended(made):
        response.status_code = 201
    return made
