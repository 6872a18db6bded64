"""GraphQL door of compliance."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.compliance.contracts import AuditEntry
from nexusone.modules.compliance.service import trail
from nexusone.platform.audit.reading import Wanted
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import paging_of


@strawberry.type(name="AuditEntry", description="Who did what to which thing, when and from where.")
class AuditEntryType:
    """The fields of the REST resource."""

    id: UUID
    occurred_at: datetime
    actor_kind: str
    actor_id: UUID | None
    impersonator_id: UUID | None
    ip: str | None
    request_id: str
    action: str
    object_kind: str
    object_id: str
    changes: JSON
    result: str
    position: int | None


@strawberry.type(name="AuditPage", description="A page of the audit trail, newest first.")
class AuditPageType:
    """`next_cursor` is null on the last page."""

    items: list[AuditEntryType]
    next_cursor: str | None


@strawberry.input(name="AuditFilter", description="Which entries: each given field narrows; an action also matches by its first parts.")
class AuditFilter:
    """The query parameters of the REST list."""

    actor: UUID | None = None
    action: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def _audit(info: GraphqlInfo, filter: AuditFilter | None = None, limit: int = PAGE_SIZE, cursor: str | None = None) -> AuditPageType:  # noqa: A002 - the argument's name on the wire
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="graphql.audit", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await trail.list_trail(ctx, wanted=_wanted(filter or AuditFilter()), request=paging.request)
    return AuditPageType(items=[_entry(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


def _wanted(given: AuditFilter) -> Wanted:
    return Wanted(given.actor, given.action, given.object_kind, given.object_id, given.since, given.until)


def _entry(entry: AuditEntry) -> AuditEntryType:
    return AuditEntryType(**{name: getattr(entry, name) for name in AuditEntry.model_fields})


@strawberry.type
class ComplianceQuery:
    """Compliance's fields of the Query type."""

    audit: AuditPageType = strawberry.field(
        resolver=_audit, description="The audit trail; reading it is recorded in it.", permission_classes=needs("audit:read")
    )
