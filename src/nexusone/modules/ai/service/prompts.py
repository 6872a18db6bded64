"""Prompt templates: written, changed by new versions, rendered."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from nexusone.kernel.errors import FieldError, PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.liquid.faults import RenderFault, TemplateFault
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.prompts import (
    NewPrompt,
    Prompt,
    PromptChange,
    PromptRendering,
    PromptSummary,
    PromptVariable,
    PromptVersion,
    RenderedPrompt,
)
from nexusone.modules.ai.domain.prompts import ValuesRejected, bound_values, chosen_locale, prompt_faults, rendered
from nexusone.modules.ai.service.refusals_prompts import PromptFaulty, PromptNotFound, PromptNotRenderable
from nexusone.modules.ai.store import prompts
from nexusone.modules.ai.store.prompts import PromptRow, PromptSummaryRow, PromptVersionRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

V = TypeVar("V")

FAULTS_MAX = 50


async def create_prompt(ctx: Context, *, wanted: NewPrompt) -> Prompt:
    """Writes a template. Raises: PromptFaulty."""
    now = ctx.now()
    row = PromptRow(
        id=new_id(),
        name=wanted.name,
        default_locale=wanted.default_locale,
        variables={name: variable.model_dump(mode="json") for name, variable in wanted.variables.items()},
        texts=dict(wanted.texts),
        version=1,
        created_at=now,
        updated_at=now,
        created_by=ctx.principal.label,
    )
    await _check(row)
    made = _prompt(row)
    async with ctx.transaction("ai") as tx:
        await prompts.insert(tx, row, workspace_id=ctx.workspace)
        await _tell(tx, "created", row.id, after=_told(row))
        await conclude(tx, made)
    return made


async def get_prompt(ctx: Context, *, prompt_id: UUID) -> Prompt:
    """A template. Raises: PromptNotFound."""
    return _prompt(await _get(ctx, prompt_id))


async def list_prompts(ctx: Context, *, request: PageRequest) -> PageOf[PromptSummary]:
    """Templates without their texts, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        rows = await prompts.list_page(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(_summary(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def change_prompt(ctx: Context, *, prompt_id: UUID, change: PromptChange, expected_version: int | None) -> Prompt:
    """Makes a new version.

    Raises:
        PromptNotFound: there is none.
        PreconditionFailed: it has another version than expected.
        PromptFaulty: the outcome could not be rendered.
    """
    before = await _get(ctx, prompt_id)
    after = replace(
        before,
        name=change.name or before.name,
        default_locale=change.default_locale or before.default_locale,
        variables=_merged(before.variables, _stored(change.variables or {})),
        texts=_merged(before.texts, change.texts or {}),
        version=before.version + 1,
        updated_at=ctx.now(),
        created_by=ctx.principal.label,
    )
    await _check(after)
    async with ctx.transaction("ai") as tx:
        present = await prompts.find_locked(tx, workspace_id=ctx.workspace, template_id=prompt_id)
        if present is None:
            raise PromptNotFound
        # What was checked is what was read above, so the row must still be that one.
        if present.version != before.version or expected_version not in (None, present.version):
            raise PreconditionFailed(version=present.version)
        await prompts.update(tx, after, workspace_id=ctx.workspace)
        await _tell(tx, "changed", prompt_id, before=_told(before), after=_told(after))
    return _prompt(after)


async def delete_prompt(ctx: Context, *, prompt_id: UUID) -> None:
    """Hides a template; its versions stay for what was made from them. Raises: PromptNotFound."""
    async with ctx.transaction("ai") as tx:
        if not await prompts.delete(tx, workspace_id=ctx.workspace, template_id=prompt_id, now=ctx.now()):
            raise PromptNotFound
        await _tell(tx, "deleted", prompt_id)


async def get_version(ctx: Context, *, prompt_id: UUID, version: int) -> PromptVersion:
    """One version. Raises: PromptNotFound."""
    async with ctx.transaction("ai") as tx:
        row = await prompts.find_version(tx, workspace_id=ctx.workspace, template_id=prompt_id, version=version)
    if row is None:
        raise PromptNotFound
    return _version(row)


async def list_versions(ctx: Context, *, prompt_id: UUID, request: PageRequest) -> PageOf[PromptVersion]:
    """Versions, newest first. Raises: PromptNotFound."""
    after = int(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        if await prompts.find(tx, workspace_id=ctx.workspace, template_id=prompt_id) is None:
            raise PromptNotFound
        rows = await prompts.list_versions(tx, workspace_id=ctx.workspace, template_id=prompt_id, after=after, limit=request.limit + 1)
    items = tuple(_version(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].version),) if len(rows) > request.limit else None)


async def render_prompt(ctx: Context, *, template_id: UUID, version: int | None, locale: str | None, values: Mapping[str, object]) -> str:
    """The text of a template with values in it, in the nearest language there is; by default of the present version.

    Raises:
        PromptNotFound: there is no such template or version.
        PromptNotRenderable: not with these values.
    """
    return (await _render(ctx, template_id, version, locale, values)).text


async def try_prompt(ctx: Context, *, prompt_id: UUID, request: PromptRendering) -> RenderedPrompt:
    """The same, with the language and version that were taken."""
    return await _render(ctx, prompt_id, request.version, request.locale, request.values)


async def _render(ctx: Context, template_id: UUID, version: int | None, locale: str | None, values: Mapping[str, object]) -> RenderedPrompt:
    row: PromptRow | PromptVersionRow
    if version is None:
        row = await _get(ctx, template_id)
    else:
        async with ctx.transaction("ai") as tx:
            found = await prompts.find_version(tx, workspace_id=ctx.workspace, template_id=template_id, version=version)
        if found is None:
            raise PromptNotFound
        row = found
    chosen = chosen_locale(row.texts, wanted=locale, default_locale=row.default_locale)
    try:
        bound = bound_values(_variables(row.variables), values)
        text = await asyncio.to_thread(rendered, row.texts[chosen], bound)
    except ValuesRejected as rejection:
        raise PromptNotRenderable(errors=_errors(rejection.faults), count=len(rejection.faults)) from rejection
    except RenderFault as fault:
        error = FieldError(pointer="/values", code=fault.code, detail=fault.detail)
        raise PromptNotRenderable(errors=(error,), count=1) from fault
    return RenderedPrompt(text=text, locale=chosen, version=row.version)


async def _get(ctx: Context, prompt_id: UUID) -> PromptRow:
    async with ctx.transaction("ai") as tx:
        row = await prompts.find(tx, workspace_id=ctx.workspace, template_id=prompt_id)
    if row is None:
        raise PromptNotFound
    return row


async def _check(row: PromptRow) -> None:
    faults = await asyncio.to_thread(prompt_faults, default_locale=row.default_locale, texts=row.texts, variables=_variables(row.variables))
    if faults:
        raise PromptFaulty(errors=_errors(faults), count=len(faults))


async def _tell(
    tx: Transaction, verb: str, prompt_id: UUID, *, before: Mapping[str, object] | None = None, after: Mapping[str, object] | None = None
) -> None:
    await record(tx, action=f"ai.prompt.{verb}", object_kind="prompt", object_id=str(prompt_id), before=before, after=after)


def _merged(before: Mapping[str, V], changes: Mapping[str, V | None]) -> dict[str, V]:
    whole = {**before, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def _stored(variables: Mapping[str, PromptVariable | None]) -> dict[str, dict[str, Any] | None]:
    return {name: None if variable is None else variable.model_dump(mode="json") for name, variable in variables.items()}


def _errors(faults: tuple[TemplateFault, ...]) -> tuple[FieldError, ...]:
    return tuple(FieldError(pointer=fault.pointer, code=fault.code, detail=fault.detail) for fault in faults[:FAULTS_MAX])


def _told(row: PromptRow) -> dict[str, object]:
    return {
        "name": row.name,
        "default_locale": row.default_locale,
        "locales": sorted(row.texts),
        "variables": sorted(row.variables),
        "version": row.version,
    }


def _variables(stored: Mapping[str, object]) -> dict[str, PromptVariable]:
    return {name: PromptVariable.model_validate(variable) for name, variable in stored.items()}


def _prompt(row: PromptRow) -> Prompt:
    return Prompt(
        id=row.id,
        name=row.name,
        default_locale=row.default_locale,
        variables=_variables(row.variables),
        texts=dict(sorted(row.texts.items())),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _summary(row: PromptSummaryRow) -> PromptSummary:
    return PromptSummary(
        id=row.id,
        name=row.name,
        default_locale=row.default_locale,
        locales=row.locales,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _version(row: PromptVersionRow) -> PromptVersion:
    return PromptVersion(
        version=row.version,
        name=row.name,
        default_locale=row.default_locale,
        variables=_variables(row.variables),
        texts=dict(sorted(row.texts.items())),
        created_at=row.created_at,
        created_by=row.created_by,
    )
