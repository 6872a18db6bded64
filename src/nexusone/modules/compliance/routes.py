"""REST door of compliance."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from starlette.responses import StreamingResponse

from nexusone.kernel.contract import Instant
from nexusone.kernel.page import Page
from nexusone.modules.compliance.contracts import AuditEntry, ExportFormat
from nexusone.modules.compliance.domain.export_lines import MEDIA_TYPES
from nexusone.modules.compliance.service import trail
from nexusone.platform.audit.reading import Wanted
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("compliance")


async def _wanted(
    actor: Annotated[UUID | None, Query(description="Who did it, or the operator in their place.")] = None,
    action: Annotated[
        str | None,
        Query(pattern=r"^[a-z0-9_.]{1,100}$", description="An action, or its first parts: `billing` finds `billing.credits.granted`."),
    ] = None,
    object_kind: Annotated[str | None, Query(min_length=1, max_length=100, description="The kind of thing, such as `contact`.")] = None,
    object_id: Annotated[str | None, Query(min_length=1, max_length=500, description="The thing's id.")] = None,
    since: Annotated[Instant | None, Query(alias="from", description="Entries at or after this time.")] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Entries before this time.")] = None,
) -> Wanted:
    return Wanted(actor_id=actor, action=action, object_kind=object_kind, object_id=object_id, since=since, until=until)


Filter = Annotated[Wanted, Depends(_wanted)]


@door.get("/audit", permission="audit:read", cost=2, summary="List the audit trail, newest first")
async def list_audit(ctx: Caller, wanted: Filter, pager: Pager) -> Page[AuditEntry]:
    return pager.page(await trail.list_trail(ctx, wanted=wanted, request=pager.request))


@door.get(
    "/audit/export",
    permission="audit:export",
    cost=10,
    summary="Download the audit trail, newest first",
    response_class=StreamingResponse,
    openapi_extra={
        "responses": {
            "200": {
                "description": "A line of JSON or CSV for each entry.",
                "content": {media: {"schema": {"type": "string"}} for media in ("text/csv", "application/x-ndjson")},
            }
        }
    },
)
async def export_audit(ctx: Caller, wanted: Filter, form: Annotated[ExportFormat, Query(alias="format")] = "ndjson") -> StreamingResponse:
    lines = await trail.export_trail(ctx, wanted=wanted, form=form)
    disposition = f'attachment; filename="audit.{form}"'
    return StreamingResponse(lines, media_type=MEDIA_TYPES[form], headers={"Content-Disposition": disposition})
