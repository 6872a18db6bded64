"""Templates: written, changed by new versions, tried out."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from pydantic import JsonValue

from nexusone.kernel.errors import FieldError, PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.identity import api as identity
from nexusone.modules.marketing.contracts import (
    NewTemplate,
    RenderedTemplate,
    RenderRequest,
    Template,
    TemplateChange,
    TemplateSummary,
    TemplateVariant,
    TemplateVariantChange,
)
from nexusone.modules.marketing.domain.template_rules import validate_template
from nexusone.modules.marketing.domain.variants import choose_locale
from nexusone.modules.marketing.service.origins import check_sources
from nexusone.modules.marketing.service.refusals import ContactNotFound, TemplateFaulty, TemplateNotFound
from nexusone.modules.marketing.service.rendering import preview, template_of
from nexusone.modules.marketing.store import contacts, templates
from nexusone.modules.marketing.store.templates import TemplateRow, TemplateSummaryRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

SAMPLE_CONTACT: Mapping[str, JsonValue] = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@example.com",
    "locale": "en",
    "timezone": "Europe/London",
    "country": "GB",
    "attributes": {},
}
Variants = dict[str, dict[str, str]]


async def create_template(ctx: Context, *, wanted: NewTemplate, template_id: UUID | None = None) -> Template:
    """Writes a template; under a `template_id` that was written before, that one is given.

    Raises:
        TemplateFaulty: it could not be sent; `errors` say why.
    """
    variants: Variants = {locale: variant.model_dump(mode="json", exclude_none=True) for locale, variant in wanted.variants.items()}
    await _check(wanted.default_locale, variants)
    await check_sources(ctx, variants)
    row = _new_row(wanted, variants, now=ctx.now())
    if template_id is not None:
        row = replace(row, id=template_id)
    made = _template(row)
    async with ctx.transaction("marketing") as tx:
        if template_id is not None and (known := await templates.find_template(tx, workspace_id=ctx.workspace, template_id=template_id)):
            return _template(known)
        await templates.insert_template(tx, row, workspace_id=ctx.workspace)
        await _tell(tx, "created", row.id, after=_told(row))
        await conclude(tx, made)
    return made


async def get_template(ctx: Context, *, template_id: UUID) -> Template:
    """A template. Raises: TemplateNotFound."""
    return _template(await _get(ctx, template_id))


async def list_templates(ctx: Context, *, request: PageRequest) -> PageOf[TemplateSummary]:
    """Templates without their texts, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("marketing") as tx:
        rows = await templates.list_templates(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(_summary(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def list_summaries(ctx: Context, *, ids: Sequence[UUID]) -> dict[UUID, TemplateSummary]:
    """The templates of these ids, deleted ones too."""
    async with ctx.transaction("marketing") as tx:
        rows = await templates.list_templates_by_id(tx, workspace_id=ctx.workspace, ids=list(ids))
    return {row.id: _summary(row) for row in rows}


async def change_template(ctx: Context, *, template_id: UUID, change: TemplateChange, expected_version: int | None) -> Template:
    """Makes a new version; campaigns that were sent keep theirs.

    Raises:
        TemplateNotFound: there is none.
        PreconditionFailed: it has another version than expected.
        TemplateFaulty: the outcome could not be sent.
    """
    before = await _get(ctx, template_id)
    variants = _merged(before.variants, change.variants or {})
    default_locale = change.default_locale or before.default_locale
    await _check(default_locale, variants)
    await check_sources(ctx, variants)
    async with ctx.transaction("marketing") as tx:
        present = await templates.find_template_for_update(tx, workspace_id=ctx.workspace, template_id=template_id)
        if present is None:
            raise TemplateNotFound
        # What was checked is what was read above, so the row must still be that one.
        if present.version != before.version or expected_version not in (None, present.version):
            raise PreconditionFailed(version=present.version)
        row = replace(
            present,
            name=change.name or present.name,
            default_locale=default_locale,
            variants=variants,
            version=present.version + 1,
            updated_at=ctx.now(),
        )
        await templates.update_template(tx, row, workspace_id=ctx.workspace)
        await _tell(tx, "changed", row.id, before=_told(present), after=_told(row))
    return _template(row)


async def delete_template(ctx: Context, *, template_id: UUID) -> None:
    """Hides a template; what was sent with it stays. Raises: TemplateNotFound."""
    async with ctx.transaction("marketing") as tx:
        if not await templates.delete_template(tx, workspace_id=ctx.workspace, template_id=template_id, now=ctx.now()):
            raise TemplateNotFound
        await _tell(tx, "deleted", template_id)


async def render_template(ctx: Context, *, template_id: UUID, request: RenderRequest) -> RenderedTemplate:
    """A mail as one contact would see it.

    Raises:
        TemplateNotFound, ContactNotFound: there is none.
        TemplateNotRenderable: not with this contact's values.
    """
    row = await _get(ctx, template_id)
    contact = dict(SAMPLE_CONTACT if request.contact is None else request.contact)
    if request.contact_id is not None:
        contact = await _contact(ctx, request.contact_id)
    workspace = await identity.get_workspace(ctx)
    template = template_of(row.default_locale, row.variants)
    wanted = request.locale or contact.get("locale")
    locale = choose_locale(template, wanted if isinstance(wanted, str) else None)
    return preview(ctx, template, locale=locale, contact=contact, workspace={"name": workspace.name})


async def _get(ctx: Context, template_id: UUID) -> TemplateRow:
    async with ctx.transaction("marketing") as tx:
        row = await templates.find_template(tx, workspace_id=ctx.workspace, template_id=template_id)
    if row is None:
        raise TemplateNotFound
    return row


async def _tell(
    tx: Transaction, verb: str, template_id: UUID, *, before: Mapping[str, object] | None = None, after: Mapping[str, object] | None = None
) -> None:
    await record(tx, action=f"marketing.template.{verb}", object_kind="template", object_id=str(template_id), before=before, after=after)


def _told(row: TemplateRow) -> dict[str, object]:
    subjects = {locale: variant.get("subject", "") for locale, variant in row.variants.items()}
    return {"name": row.name, "default_locale": row.default_locale, "subjects": subjects, "version": row.version}


async def _contact(ctx: Context, contact_id: UUID) -> dict[str, JsonValue]:
    async with ctx.transaction("marketing") as tx:
        row = await contacts.find_contact(tx, workspace_id=ctx.workspace, contact_id=contact_id)
    if row is None:
        raise ContactNotFound
    return {**row._asdict(), "id": str(row.id)}


async def _check(default_locale: str, variants: Variants) -> None:
    faults = await asyncio.to_thread(validate_template, template_of(default_locale, variants))
    if faults:
        errors = tuple(FieldError(pointer=fault.pointer, code=fault.code, detail=fault.detail) for fault in faults[:50])
        raise TemplateFaulty(errors=errors, count=len(faults))


def _merged(before: Variants, changes: Mapping[str, TemplateVariantChange | None]) -> Variants:
    merged = dict(before)
    faults: list[FieldError] = []
    for locale, change in changes.items():
        if change is None:
            merged.pop(locale, None)
            continue
        given: dict[str, str] = change.model_dump(mode="json", exclude_none=True)
        merged[locale] = {"preheader": "", "text": "", **before.get(locale, {}), **given}
        faults += [
            FieldError(pointer=f"/variants/{locale}/{name}", code="missing", detail="A new variant needs this field")
            for name in ("subject", "mjml")
            if name not in merged[locale]
        ]
    if faults:
        raise TemplateFaulty(errors=tuple(faults), count=len(faults))
    return merged


def _new_row(wanted: NewTemplate, variants: Variants, *, now: datetime) -> TemplateRow:
    return TemplateRow(
        id=new_id(),
        name=wanted.name,
        channel=wanted.channel,
        default_locale=wanted.default_locale,
        variants=variants,
        version=1,
        created_at=now,
        updated_at=now,
    )


def _template(row: TemplateRow) -> Template:
    return Template(
        id=row.id,
        name=row.name,
        channel=cast("Literal['email']", row.channel),
        default_locale=row.default_locale,
        variants={locale: TemplateVariant.model_validate(variant) for locale, variant in sorted(row.variants.items())},
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _summary(row: TemplateSummaryRow) -> TemplateSummary:
    return TemplateSummary(
        id=row.id,
        name=row.name,
        channel=cast("Literal['email']", row.channel),
        default_locale=row.default_locale,
        locales=row.locales,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
