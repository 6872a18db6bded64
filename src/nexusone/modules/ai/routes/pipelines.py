"""REST door of pipelines and their runs."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.pipeline_runs import NewPipelineRun, PipelineRun, PipelineRunDetail, RunRetry, RunStatus
from nexusone.modules.ai.contracts.pipelines import (
    NewPipeline,
    NewPipelineEstimate,
    Pipeline,
    PipelineChange,
    PipelineEstimate,
    PipelineExample,
    PipelinePublishing,
    PipelineSummary,
    PipelineVersion,
)
from nexusone.modules.ai.service import pipeline_budget, pipeline_runs, pipelines
from nexusone.modules.ai.service.refusals import ModelCannot, ModelUnknown, NoTextModel, OutputSchemaInvalid
from nexusone.modules.ai.service.refusals_knowledge import CollectionNotFound
from nexusone.modules.ai.service.refusals_pipelines import (
    ApprovedLocked,
    PipelineExampleNotFound,
    PipelineFaulty,
    PipelineInputsInvalid,
    PipelineNotFound,
    PipelineNotPublished,
    PipelineRunEnded,
    PipelineRunNotFound,
    PipelineRunNotRetryable,
    PipelineStepUnknown,
)
from nexusone.modules.ai.service.refusals_voices import BrandVoiceNotFound
from nexusone.modules.billing.api import InsufficientCredits, PurposeStopped
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("pipelines")

Version = Annotated[int, Path(ge=1, le=1_000_000)]
BOUNDING = (
    PipelineNotFound,
    PipelineInputsInvalid,
    ModelUnknown,
    ModelCannot,
    NoTextModel,
    OutputSchemaInvalid,
    PurposeStopped,
    BrandVoiceNotFound,
    CollectionNotFound,
)


@door.get("/pipeline-examples", permission="pipelines:read", summary="The pipelines that come with the product")
async def list_examples(ctx: Caller) -> Page[PipelineExample]:
    return Page(items=list(pipelines.list_examples()), next_cursor=None)


@door.post(
    "/pipelines",
    permission="pipelines:write",
    status=201,
    summary="Write a pipeline, or take over an example",
    refusals=(PipelineFaulty, PipelineExampleNotFound, BrandVoiceNotFound, CollectionNotFound),
    cost=5,
)
async def create_pipeline(ctx: Caller, body: NewPipeline, response: Response) -> Pipeline:
    made = await pipelines.create_pipeline(ctx, wanted=body)
    tag_version(response, made.version)
    return made


@door.get("/pipelines", permission="pipelines:read", summary="List the pipelines, newest first")
async def list_pipelines(ctx: Caller, pager: Pager) -> Page[PipelineSummary]:
    return pager.page(await pipelines.list_pipelines(ctx, request=pager.request))


@door.get("/pipelines/{pipeline_id}", permission="pipelines:read", summary="Read a pipeline", refusals=(PipelineNotFound,))
async def get_pipeline(ctx: Caller, pipeline_id: UUID, response: Response) -> Pipeline:
    found = await pipelines.get_pipeline(ctx, pipeline_id=pipeline_id)
    tag_version(response, found.version)
    return found


@door.patch(
    "/pipelines/{pipeline_id}",
    permission="pipelines:write",
    summary="Change a pipeline by a new version",
    refusals=(PipelineNotFound, PipelineFaulty, PreconditionFailed, BrandVoiceNotFound, CollectionNotFound),
    cost=5,
)
async def change_pipeline(ctx: Caller, pipeline_id: UUID, body: PipelineChange, expected: ExpectedVersion, response: Response) -> Pipeline:
    changed = await pipelines.change_pipeline(ctx, pipeline_id=pipeline_id, change=body, expected_version=expected)
    tag_version(response, changed.version)
    return changed


@door.delete(
    "/pipelines/{pipeline_id}", permission="pipelines:write", status=204, summary="Delete a pipeline", refusals=(PipelineNotFound,)
)
async def delete_pipeline(ctx: Caller, pipeline_id: UUID) -> Response:
    await pipelines.delete_pipeline(ctx, pipeline_id=pipeline_id)
    return Response(status_code=204)


@door.post(
    "/pipelines/{pipeline_id}/publish",
    permission="pipelines:write",
    summary="Make a version of a pipeline the one that runs",
    refusals=(PipelineNotFound, PipelineFaulty),
)
async def publish_pipeline(ctx: Caller, pipeline_id: UUID, body: PipelinePublishing) -> Pipeline:
    return await pipelines.publish_pipeline(ctx, pipeline_id=pipeline_id, wanted=body)


@door.get(
    "/pipelines/{pipeline_id}/versions",
    permission="pipelines:read",
    summary="List the versions of a pipeline, newest first",
    refusals=(PipelineNotFound,),
)
async def list_versions(ctx: Caller, pipeline_id: UUID, pager: Pager) -> Page[PipelineVersion]:
    return pager.page(await pipelines.list_versions(ctx, pipeline_id=pipeline_id, request=pager.request))


@door.get(
    "/pipelines/{pipeline_id}/versions/{version}",
    permission="pipelines:read",
    summary="Read a version of a pipeline",
    refusals=(PipelineNotFound,),
)
async def get_version(ctx: Caller, pipeline_id: UUID, version: Version) -> PipelineVersion:
    return await pipelines.get_version(ctx, pipeline_id=pipeline_id, version=version)


@door.post(
    "/pipelines/{pipeline_id}/estimate",
    permission="pipelines:read",
    summary="What a run can cost at the most, by step",
    refusals=BOUNDING,
    key_use="none",
    cost=5,
)
async def estimate(ctx: Caller, pipeline_id: UUID, body: NewPipelineEstimate) -> PipelineEstimate:
    return await pipeline_budget.estimate(ctx, pipeline_id=pipeline_id, wanted=body)


@door.post(
    "/pipelines/{pipeline_id}/runs",
    permission="pipelines:run",
    status=202,
    summary="Run a pipeline",
    refusals=(*BOUNDING, PipelineNotPublished, InsufficientCredits),
    key_use="required",
    cost=20,
)
async def start_run(ctx: Caller, pipeline_id: UUID, body: NewPipelineRun, response: Response) -> PipelineRunDetail:
    """202 with the run; how far it is, is told at its address, on the stream and by webhook."""
    made = await pipeline_runs.start_run(ctx, pipeline_id=pipeline_id, wanted=body)
    response.headers["Location"] = f"/v1/pipeline-runs/{made.id}"
    return made


@door.get("/pipeline-runs", permission="pipelines:read", summary="List pipeline runs, newest first")
async def list_runs(
    ctx: Caller,
    pager: Pager,
    pipeline_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[RunStatus | None, Query()] = None,
) -> Page[PipelineRun]:
    return pager.page(await pipeline_runs.list_runs(ctx, request=pager.request, pipeline_id=pipeline_id, status=status))


@door.get("/pipeline-runs/{run_id}", permission="pipelines:read", summary="A pipeline run with its steps", refusals=(PipelineRunNotFound,))
async def get_run(ctx: Caller, run_id: UUID) -> PipelineRunDetail:
    return await pipeline_runs.get_run(ctx, run_id=run_id)


@door.post(
    "/pipeline-runs/{run_id}/cancel",
    permission="pipelines:run",
    summary="Call a pipeline run off",
    refusals=(PipelineRunNotFound, PipelineRunEnded),
)
async def cancel_run(ctx: Caller, run_id: UUID) -> PipelineRunDetail:
    """Nothing more begins; what had begun is paid for as far as it was made."""
    return await pipeline_runs.cancel_run(ctx, run_id=run_id)


@door.post(
    "/pipeline-runs/{run_id}/retry",
    permission="pipelines:run",
    status=202,
    summary="Go on with a pipeline run that failed or was canceled",
    refusals=(
        *(PipelineRunNotFound, PipelineRunNotRetryable, PipelineStepUnknown, ApprovedLocked, InsufficientCredits),
        *(PurposeStopped, NoTextModel),
    ),
    key_use="required",
    cost=20,
)
async def retry_run(ctx: Caller, run_id: UUID, body: RunRetry) -> PipelineRunDetail:
    """What went wrong and what waits for it is done; all else stays as it is and is not paid again."""
    return await pipeline_runs.retry_run(ctx, run_id=run_id, wanted=body)
