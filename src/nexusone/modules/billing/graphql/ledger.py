"""GraphQL door of grants, holds, entries, caps and alerts."""

from typing import cast, get_args
from uuid import UUID

import strawberry

from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.billing.domain.resolution import HoldState
from nexusone.modules.billing.service import balances, caps, listings, watching
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import paging_of


@strawberry.type(name="CreditGrant", description="Credits that were granted, as decimal strings; lower priorities burn first.")
class CreditGrantType:
    """The fields of the REST resource."""

    id: UUID
    source: str
    priority: int
    amount: str
    remaining: str
    granted_at: str
    expires_at: str | None
    rolls_over_until: str | None


@strawberry.type(name="CreditGrantPage", description="A page of grants, newest first.")
class CreditGrantPageType:
    """`next_cursor` is null on the last page."""

    items: list[CreditGrantType]
    next_cursor: str | None


@strawberry.type(name="CreditSpend", description="What one booking took from a grant for good.")
class CreditSpendType:
    """The fields of the REST resource."""

    transfer_id: UUID
    time: str
    purpose: str
    key: str
    amount: str


@strawberry.type(name="CreditSpendPage", description="A page of what a grant was spent on, newest first.")
class CreditSpendPageType:
    """`next_cursor` is null on the last page."""

    items: list[CreditSpendType]
    next_cursor: str | None


@strawberry.type(name="CreditHold", description="Credits set aside.")
class CreditHoldType:
    """The fields of the REST resource."""

    id: UUID
    key: str
    purpose: str
    amount: str
    settled: str
    excess: str
    state: str
    is_kept: bool
    held_at: str
    expires_at: str


@strawberry.type(name="CreditHoldPage", description="A page of holds, by their keys.")
class CreditHoldPageType:
    """`next_cursor` is null on the last page."""

    items: list[CreditHoldType]
    next_cursor: str | None


@strawberry.type(name="CreditEntry", description="One line of the ledger; the lines of a transfer sum to zero.")
class CreditEntryType:
    """The fields of the REST resource."""

    transfer_id: UUID
    time: str
    kind: str
    purpose: str
    key: str
    amount: str
    account: str


@strawberry.type(name="CreditEntryPage", description="A page of the ledger, newest first.")
class CreditEntryPageType:
    """`next_cursor` is null on the last page."""

    items: list[CreditEntryType]
    next_cursor: str | None


@strawberry.type(name="CreditCap", description="At most so many credits in a day, a month or ever.")
class CreditCapType:
    """The fields of the REST resource."""

    scope: str
    subject: str | None
    period: str
    limit: str
    used: str


@strawberry.type(name="CreditAlert", description="A threshold of unspent credits.")
class CreditAlertType:
    """The fields of the REST resource."""

    threshold: str
    is_armed: bool


async def _grants(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> CreditGrantPageType:
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="graphql.credit_grants", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await listings.list_grants(ctx, request=paging.request)
    items = [
        CreditGrantType(
            id=item.id,
            source=item.source,
            priority=item.priority,
            amount=item.amount,
            remaining=item.remaining,
            granted_at=item.granted_at.isoformat(),
            expires_at=item.expires_at.isoformat() if item.expires_at else None,
            rolls_over_until=item.rolls_over_until.isoformat() if item.rolls_over_until else None,
        )
        for item in found.items
    ]
    return CreditGrantPageType(items=items, next_cursor=paging.cursor(found.next_after))


async def _spends(info: GraphqlInfo, grant_id: UUID, limit: int = PAGE_SIZE, cursor: str | None = None) -> CreditSpendPageType:
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="graphql.credit_spends", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await listings.list_spends(ctx, grant_id=grant_id, request=paging.request)
    items = [
        CreditSpendType(transfer_id=item.transfer_id, time=item.time.isoformat(), purpose=item.purpose, key=item.key, amount=item.amount)
        for item in found.items
    ]
    return CreditSpendPageType(items=items, next_cursor=paging.cursor(found.next_after))


async def _holds(info: GraphqlInfo, state: str | None = None, limit: int = PAGE_SIZE, cursor: str | None = None) -> CreditHoldPageType:
    ctx = info.context.ctx
    if state is not None and state not in get_args(HoldState):
        raise Unprocessable(errors=(FieldError(pointer="/state", code="unknown", detail="there is no such state"),))
    paging = paging_of(ctx, list_name="graphql.credit_holds", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await listings.list_holds(ctx, state=cast("HoldState | None", state), request=paging.request)
    items = [
        CreditHoldType(
            id=item.id,
            key=item.key,
            purpose=item.purpose,
            amount=item.amount,
            settled=item.settled,
            excess=item.excess,
            state=item.state,
            is_kept=item.is_kept,
            held_at=item.held_at.isoformat(),
            expires_at=item.expires_at.isoformat(),
        )
        for item in found.items
    ]
    return CreditHoldPageType(items=items, next_cursor=paging.cursor(found.next_after))


async def _entries(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> CreditEntryPageType:
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="graphql.credit_entries", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await balances.list_entries(ctx, request=paging.request)
    items = [
        CreditEntryType(
            transfer_id=item.transfer_id,
            time=item.time.isoformat(),
            kind=item.kind,
            purpose=item.purpose,
            key=item.key,
            amount=item.amount,
            account=item.account,
        )
        for item in found.items
    ]
    return CreditEntryPageType(items=items, next_cursor=paging.cursor(found.next_after))


async def _caps(info: GraphqlInfo) -> list[CreditCapType]:
    found = await caps.list_caps(info.context.ctx)
    return [CreditCapType(scope=cap.scope, subject=cap.subject, period=cap.period, limit=cap.limit, used=cap.used) for cap in found.caps]


async def _alerts(info: GraphqlInfo) -> list[CreditAlertType]:
    found = await watching.list_alerts(info.context.ctx)
    return [CreditAlertType(threshold=alert.threshold, is_armed=alert.is_armed) for alert in found.alerts]


READING = "credits:read"


@strawberry.type
class LedgerQuery:
    """Fields of the Query type about what is behind the credits."""

    credit_grants: CreditGrantPageType = strawberry.field(
        resolver=_grants, description="Grants of credits, newest first.", permission_classes=needs(READING)
    )
    credit_spends: CreditSpendPageType = strawberry.field(
        resolver=_spends, description="What a grant was spent on, newest first.", permission_classes=needs(READING)
    )
    credit_holds: CreditHoldPageType = strawberry.field(
        resolver=_holds, description="Credits set aside, by their keys.", permission_classes=needs(READING)
    )
    credit_entries: CreditEntryPageType = strawberry.field(
        resolver=_entries, description="The lines of the ledger, newest first.", permission_classes=needs(READING)
    )
    credit_caps: list[CreditCapType] = strawberry.field(resolver=_caps, description="The caps.", permission_classes=needs(READING))
    credit_alerts: list[CreditAlertType] = strawberry.field(
        resolver=_alerts, description="The thresholds of low-balance alerts.", permission_classes=needs(READING)
    )
