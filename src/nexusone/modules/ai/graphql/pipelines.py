"""GraphQL door of pipelines and their runs."""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.ai.contracts.pipeline_runs import PipelineRun
from nexusone.modules.ai.service import pipeline_runs, pipelines
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import paging_of


@strawberry.type(name="PipelineSummary", description="A pipeline without its definition.")
class PipelineSummaryType:
    """The fields of the REST list."""

    id: UUID
    name: str
    version: int
    published_version: int | None
    created_at: datetime
    updated_at: datetime


@strawberry.type(name="Pipeline", description="A pipeline with the definition of its newest version.")
class PipelineType:
    """The fields of the REST resource."""

    id: UUID
    name: str
    version: int
    published_version: int | None
    definition: JSON
    created_at: datetime
    updated_at: datetime


@strawberry.type(name="PipelinePage", description="A page of pipelines, newest first.")
class PipelinePageType:
    """`next_cursor` is null on the last page."""

    items: list[PipelineSummaryType]
    next_cursor: str | None


@strawberry.type(name="PipelineRunSummary", description="A run of a pipeline; credits are decimal strings.")
class PipelineRunSummaryType:
    """The fields of the REST list."""

    id: UUID
    pipeline_id: UUID
    version: int
    status: str
    progress: int
    budget: str
    budget_credits: str
    credits: str
    error_code: str | None
    created_at: datetime
    finished_at: datetime | None


@strawberry.type(name="PipelineRun", description="A run with its steps.")
class PipelineRunType(PipelineRunSummaryType):
    """The fields of the REST resource; `steps` and `inputs` as there."""

    inputs: JSON
    steps: JSON


@strawberry.type(name="PipelineRunPage", description="A page of pipeline runs, newest first.")
class PipelineRunPageType:
    """`next_cursor` is null on the last page."""

    items: list[PipelineRunSummaryType]
    next_cursor: str | None


async def _list(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> PipelinePageType:
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="graphql.pipelines", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await pipelines.list_pipelines(ctx, request=paging.request)
    items = [PipelineSummaryType(**dict(item)) for item in found.items]
    return PipelinePageType(items=items, next_cursor=paging.cursor(found.next_after))


async def _one(info: GraphqlInfo, id: UUID) -> PipelineType:  # noqa: A002 - the argument's name on the wire
    found = await pipelines.get_pipeline(info.context.ctx, pipeline_id=id)
    return PipelineType(**{**dict(found), "definition": JSON(found.definition.model_dump(mode="json"))})


async def _runs(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> PipelineRunPageType:
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="graphql.pipeline_runs", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await pipeline_runs.list_runs(ctx, request=paging.request)
    items = [PipelineRunSummaryType(**_told(item)) for item in found.items]
    return PipelineRunPageType(items=items, next_cursor=paging.cursor(found.next_after))


async def _run(info: GraphqlInfo, id: UUID) -> PipelineRunType:  # noqa: A002 - the argument's name on the wire
    found = await pipeline_runs.get_run(info.context.ctx, run_id=id)
    whole = found.model_dump(mode="json")
    return PipelineRunType(**_told(found), inputs=JSON(whole["inputs"]), steps=JSON(whole["steps"]))


def _told(run: PipelineRun) -> dict[str, Any]:
    same = ("id", "pipeline_id", "version", "status", "progress", "budget", "budget_credits", "credits", "created_at", "finished_at")
    return {**{name: getattr(run, name) for name in same}, "error_code": None if run.error is None else run.error.code}


@strawberry.type
class PipelinesQuery:
    """Fields of the Query type about pipelines."""

    pipelines: PipelinePageType = strawberry.field(
        resolver=_list, description="Pipelines, newest first.", permission_classes=needs("pipelines:read")
    )
    pipeline: PipelineType = strawberry.field(resolver=_one, description="One pipeline.", permission_classes=needs("pipelines:read"))
    pipeline_runs: PipelineRunPageType = strawberry.field(
        resolver=_runs, description="Pipeline runs, newest first.", permission_classes=needs("pipelines:read")
    )
    pipeline_run: PipelineRunType = strawberry.field(
        resolver=_run, description="One pipeline run with its steps.", permission_classes=needs("pipelines:read")
    )
