"""Pipelines: written by definition or from an example, changed by new versions, published."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast
from uuid import UUID

from nexusone.kernel.errors import FieldError, PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.pipeline_steps import GenerateStep, HttpStep, PipelineDefinition
from nexusone.modules.ai.contracts.pipelines import (
    NewPipeline,
    Pipeline,
    PipelineChange,
    PipelineExample,
    PipelinePublishing,
    PipelineSummary,
    PipelineVersion,
)
from nexusone.modules.ai.domain.pipeline_rules import PipelineFault, definition_faults
from nexusone.modules.ai.domain.pipeline_secrets import secret_names, uses_of
from nexusone.modules.ai.service.collections import get_collection
from nexusone.modules.ai.service.pipeline_examples import examples
from nexusone.modules.ai.service.refusals_pipelines import PipelineExampleNotFound, PipelineFaulty, PipelineNotFound
from nexusone.modules.ai.service.voices import get_voice
from nexusone.modules.ai.store import pipeline_secrets, pipelines
from nexusone.modules.ai.store.pipelines import PipelineRow, PipelineSummaryRow, PipelineVersionRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

FAULTS_MAX = 50


async def create_pipeline(ctx: Context, *, wanted: NewPipeline) -> Pipeline:
    """Writes a pipeline.

    Raises:
        PipelineExampleNotFound, PipelineFaulty: it cannot be run.
        BrandVoiceNotFound, CollectionNotFound: a step names what is not there.
    """
    name, definition = wanted.name, wanted.definition
    if wanted.example is not None and definition is None:
        example = get_example(wanted.example)
        name, definition = name or example.title, example.definition
    if name is None or definition is None:
        detail = "a pipeline has a name and a definition, or the name of an example"
        raise PipelineFaulty(errors=(FieldError(pointer="/definition", code="pipeline.definition_missing", detail=detail),), count=1)
    await check_definition(ctx, definition)
    now = ctx.now()
    row = PipelineRow(
        id=new_id(),
        name=name,
        definition=definition.model_dump(mode="json"),
        secret_names=list(secret_names(definition)),
        version=1,
        published_version=None,
        created_at=now,
        updated_at=now,
        created_by=ctx.principal.label,
    )
    made = _pipeline(row)
    async with ctx.transaction("ai") as tx:
        await pipelines.insert(tx, row, workspace_id=ctx.workspace)
        await _tell(tx, "created", row.id, after=_told(row))
        await conclude(tx, made)
    return made


def get_example(name: str) -> PipelineExample:
    """A pipeline that comes with the product. Raises: PipelineExampleNotFound."""
    found = next((example for example in examples() if example.name == name), None)
    if found is None:
        raise PipelineExampleNotFound(name=name)
    return found


def list_examples() -> tuple[PipelineExample, ...]:
    """The pipelines that come with the product."""
    return examples()


async def get_pipeline(ctx: Context, *, pipeline_id: UUID) -> Pipeline:
    """A pipeline. Raises: PipelineNotFound."""
    return _pipeline(await get_row(ctx, pipeline_id))


async def list_pipelines(ctx: Context, *, request: PageRequest) -> PageOf[PipelineSummary]:
    """Pipelines without their definitions, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        rows = await pipelines.list_page(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(_summary(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def change_pipeline(ctx: Context, *, pipeline_id: UUID, change: PipelineChange, expected_version: int | None) -> Pipeline:
    """Makes a new version; what is published stays so.

    Raises:
        PipelineNotFound: there is none.
        PreconditionFailed: it has another version than expected.
        PipelineFaulty: the new definition cannot be run.
        BrandVoiceNotFound, CollectionNotFound: a step names what is not there.
    """
    if change.definition is not None:
        await check_definition(ctx, change.definition)
    async with ctx.transaction("ai") as tx:
        before = await pipelines.find_locked(tx, workspace_id=ctx.workspace, pipeline_id=pipeline_id)
        if before is None:
            raise PipelineNotFound
        if expected_version not in (None, before.version):
            raise PreconditionFailed(version=before.version)
        after = replace(
            before,
            name=change.name or before.name,
            definition=before.definition if change.definition is None else change.definition.model_dump(mode="json"),
            secret_names=before.secret_names if change.definition is None else list(secret_names(change.definition)),
            version=before.version + 1,
            updated_at=ctx.now(),
            created_by=ctx.principal.label,
        )
        await pipelines.update(tx, after, workspace_id=ctx.workspace)
        await _tell(tx, "changed", pipeline_id, before=_told(before), after=_told(after))
    return _pipeline(after)


async def publish_pipeline(ctx: Context, *, pipeline_id: UUID, wanted: PipelinePublishing) -> Pipeline:
    """Makes a version the one that runs.

    Raises:
        PipelineNotFound: there is no such pipeline or version.
        PipelineFaulty: it cannot be run, as it names a secret that is not there.
    """
    version = wanted.version or (await get_row(ctx, pipeline_id)).version
    definition = definition_of((await get_version_row(ctx, pipeline_id, version)).definition)
    _refuse(await asyncio.to_thread(definition_faults, definition))
    async with ctx.transaction("ai") as tx:
        before = await pipelines.find_locked(tx, workspace_id=ctx.workspace, pipeline_id=pipeline_id)
        if before is None:
            raise PipelineNotFound
        known = await pipeline_secrets.keep(tx, workspace_id=ctx.workspace, names=secret_names(definition))
        _refuse(_missing_secrets(definition, known))
        await pipelines.publish(tx, workspace_id=ctx.workspace, pipeline_id=pipeline_id, version=version, now=ctx.now())
        published = {"published_version": before.published_version}, {"published_version": version}
        await _tell(tx, "published", pipeline_id, before=published[0], after=published[1])
        made = _pipeline(replace(before, published_version=version, updated_at=ctx.now()))
        await conclude(tx, made)
    return made


async def delete_pipeline(ctx: Context, *, pipeline_id: UUID) -> None:
    """Hides a pipeline; its runs go on. Raises: PipelineNotFound."""
    async with ctx.transaction("ai") as tx:
        if not await pipelines.delete(tx, workspace_id=ctx.workspace, pipeline_id=pipeline_id, now=ctx.now()):
            raise PipelineNotFound
        await _tell(tx, "deleted", pipeline_id)


async def get_version(ctx: Context, *, pipeline_id: UUID, version: int) -> PipelineVersion:
    """One version. Raises: PipelineNotFound."""
    return _version(await get_version_row(ctx, pipeline_id, version))


async def list_versions(ctx: Context, *, pipeline_id: UUID, request: PageRequest) -> PageOf[PipelineVersion]:
    """Versions, newest first. Raises: PipelineNotFound."""
    after = int(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        if await pipelines.find(tx, workspace_id=ctx.workspace, pipeline_id=pipeline_id) is None:
            raise PipelineNotFound
        rows = await pipelines.list_versions(tx, workspace_id=ctx.workspace, pipeline_id=pipeline_id, after=after, limit=request.limit + 1)
    items = tuple(_version(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].version),) if len(rows) > request.limit else None)


async def get_row(ctx: Context, pipeline_id: UUID) -> PipelineRow:
    """A pipeline's row. Raises: PipelineNotFound."""
    async with ctx.transaction("ai") as tx:
        row = await pipelines.find(tx, workspace_id=ctx.workspace, pipeline_id=pipeline_id)
    if row is None:
        raise PipelineNotFound
    return row


async def get_version_row(ctx: Context, pipeline_id: UUID, version: int, *, is_for_run: bool = False) -> PipelineVersionRow:
    """A version's row; of a deleted pipeline only for its runs. Raises: PipelineNotFound."""
    async with ctx.transaction("ai") as tx:
        row = await pipelines.find_version(tx, workspace_id=ctx.workspace, pipeline_id=pipeline_id, version=version, is_for_run=is_for_run)
    if row is None:
        raise PipelineNotFound
    return row


def definition_of(stored: Mapping[str, object]) -> PipelineDefinition:
    """A definition that was checked before it was stored."""
    return PipelineDefinition.model_validate(stored, strict=False)


async def check_definition(ctx: Context, definition: PipelineDefinition) -> None:
    """Raises: PipelineFaulty, BrandVoiceNotFound, CollectionNotFound."""
    _refuse(await asyncio.to_thread(definition_faults, definition))
    steps = [step for step in definition.steps if isinstance(step, GenerateStep)]
    for voice_id in {step.brand_voice_id for step in steps} - {None}:
        await get_voice(ctx, voice_id=cast(UUID, voice_id))
    for collection_id in {collection_id for step in steps for collection_id in step.knowledge}:
        await get_collection(ctx, collection_id=collection_id)


def _refuse(faults: Sequence[PipelineFault]) -> None:
    if faults:
        errors = tuple(FieldError(pointer=fault.pointer, code=fault.code, detail=fault.detail) for fault in faults[:FAULTS_MAX])
        raise PipelineFaulty(errors=errors, count=len(faults))


def _missing_secrets(definition: PipelineDefinition, known: frozenset[str]) -> list[PipelineFault]:
    return [
        PipelineFault(
            f"/definition/steps/{number}{use.pointer}", "pipeline.secret_missing", f"step {step.id}: no secret is called {use.name}"
        )
        for number, step in enumerate(definition.steps)
        if isinstance(step, HttpStep)
        for use in uses_of(step)
        if use.name not in known
    ]


async def _tell(
    tx: Transaction, verb: str, pipeline_id: UUID, *, before: Mapping[str, object] | None = None, after: Mapping[str, object] | None = None
) -> None:
    await record(tx, action=f"ai.pipeline.{verb}", object_kind="pipeline", object_id=str(pipeline_id), before=before, after=after)


def _told(row: PipelineRow) -> dict[str, object]:
    return {"name": row.name, "version": row.version, "steps": [step["id"] for step in row.definition["steps"]]}


def _pipeline(row: PipelineRow) -> Pipeline:
    return Pipeline(
        id=row.id,
        name=row.name,
        version=row.version,
        published_version=row.published_version,
        definition=definition_of(row.definition),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _summary(row: PipelineSummaryRow) -> PipelineSummary:
    return PipelineSummary(
        id=row.id,
        name=row.name,
        version=row.version,
        published_version=row.published_version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _version(row: PipelineVersionRow) -> PipelineVersion:
    return PipelineVersion(
        version=row.version,
        name=row.name,
        definition=definition_of(row.definition),
        is_published=row.is_published,
        created_at=row.created_at,
        created_by=row.created_by,
    )
