"""Operators: staff who may visit a workspace in a member's place, seen by its audit trail and never for longer than an hour."""

from datetime import datetime, timedelta
from uuid import UUID

from nexusone.kernel.errors import NotFound, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.identity.contracts.operators import (
    Elevation,
    NewVisit,
    Operator,
    Visit,
    VisitBegun,
    VisitEnd,
)
from nexusone.modules.identity.events import OperatorElevated, OperatorLeft, OperatorVisited
from nexusone.modules.identity.service.breaches import faults_of
from nexusone.modules.identity.service.passwords import hash_password
from nexusone.modules.identity.service.refusals import OperatorKnown, VisitNotFound
from nexusone.modules.identity.service.step_up import require_fresh
from nexusone.modules.identity.service.tokens import AccessClaims, issue
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import members, operators
from nexusone.modules.identity.store.operators import OperatorRow, VisitRow
from nexusone.platform.audit import record, record_apart
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

VISIT_METHODS = ("operator",)


async def add_operator(ctx: Context, *, email: str, name: str, password: str) -> UUID:
    """Makes an operator; only the command line does, on the machines of the operating company.

    Raises:
        Unprocessable: the password is too weak.
        OperatorKnown: the address is an operator's.
    """
    settings = ctx.setting(IdentitySettings)
    address = email.strip().lower()
    faults = await faults_of(ctx, password=password, email=address, name=name)
    if faults:
        raise Unprocessable(errors=faults, count=len(faults))
    hashed = await hash_password(password, settings=settings)
    row = OperatorRow(id=new_id(), email=address, name=name, password_hash=hashed, created_at=ctx.now())
    async with ctx.transaction("identity") as tx:
        if not await operators.insert_operator(tx, row):
            raise OperatorKnown
    await record_apart(ctx, action="identity.operator.added", object_kind="operator", object_id=str(row.id), result="done")
    return row.id


async def disable_operator(ctx: Context, *, email: str) -> None:
    """Lets an operator in no more; tokens and visits they have end at once.

    Raises:
        NotFound: there is none.
    """
    async with ctx.transaction("identity") as tx:
        if not await operators.disable_operator(tx, email=email.strip().lower(), now=ctx.now()):
            raise NotFound(what="operator")


async def list_operators(ctx: Context) -> list[Operator]:
    """All operators, for the command line."""
    async with ctx.transaction("identity") as tx:
        rows = await operators.list_operators(tx)
    return [
        Operator(id=row.id, email=row.email, name=row.name, created_at=row.created_at, is_disabled=row.disabled_at is not None)
        for row in rows
    ]


async def begin_visit(ctx: Context, *, wanted: NewVisit) -> VisitBegun:
    """Puts the operator in a member's place, reading only.

    Raises:
        NotFound: there is no such workspace or member.
    """
    now, inside = ctx.now(), ctx.for_workspace(wanted.workspace_id)
    async with inside.transaction("identity") as tx:
        user_id = await _host(tx, inside.workspace, wanted.user_id)
        row = VisitRow(
            id=new_id(),
            operator_id=_operator(ctx),
            user_id=user_id,
            reason=wanted.reason,
            ticket=wanted.ticket,
            started_at=now,
            expires_at=now + timedelta(minutes=wanted.minutes),
        )
        await operators.insert_visit(tx, row, workspace_id=inside.workspace)
        await publish(tx, OperatorVisited(impersonation_id=row.id, operator_id=row.operator_id, user_id=user_id, ticket=row.ticket))
    return VisitBegun(
        visit=_visit(row),
        access_token=_token(inside, row),
        token_type="Bearer",  # noqa: S106 - the name of a scheme
        expires_in=min(wanted.minutes * 60, ctx.setting(IdentitySettings).access_token_seconds),
    )


async def renew_visit(ctx: Context, *, visit_id: UUID, wanted: VisitEnd) -> VisitBegun:
    """Another token of a visit that is not over; its end stays where it is.

    Raises:
        VisitNotFound: the operator has no such running visit.
    """
    inside = ctx.for_workspace(wanted.workspace_id)
    async with inside.transaction("identity") as tx:
        row = await operators.find_visit(tx, workspace_id=inside.workspace, visit_id=visit_id)
        if row is None or row.operator_id != _operator(ctx) or not _is_running(row, ctx.now()):
            raise VisitNotFound
        await record(tx, action="identity.operator.visit_renewed", object_kind="impersonation", object_id=str(row.id))
    left = int((row.expires_at - ctx.now()).total_seconds())
    lives = min(left, ctx.setting(IdentitySettings).access_token_seconds)
    return VisitBegun(visit=_visit(row), access_token=_token(inside, row), token_type="Bearer", expires_in=lives)  # noqa: S106


async def elevate_visit(ctx: Context, *, visit_id: UUID, wanted: Elevation) -> Visit:
    """Lets a visit change things, for a reason of its own; what only a person decides stays out of reach.

    Raises:
        StepUpNeeded: the operator has not signed in lately.
        VisitNotFound: the operator has no such running visit.
    """
    require_fresh(ctx)
    inside = ctx.for_workspace(wanted.workspace_id)
    async with inside.transaction("identity") as tx:
        elevated = await operators.elevate_visit(
            tx, workspace_id=inside.workspace, visit_id=visit_id, operator_id=_operator(ctx), reason=wanted.reason, now=ctx.now()
        )
        row = await operators.find_visit(tx, workspace_id=inside.workspace, visit_id=visit_id)
        if not elevated or row is None:
            raise VisitNotFound
        await publish(tx, OperatorElevated(impersonation_id=row.id, operator_id=row.operator_id, user_id=row.user_id))
    return _visit(row)


async def end_visit(ctx: Context, *, visit_id: UUID, wanted: VisitEnd) -> Visit:
    """Ends a visit before its time; its tokens work no more.

    Raises:
        VisitNotFound: the operator has none.
    """
    inside = ctx.for_workspace(wanted.workspace_id)
    async with inside.transaction("identity") as tx:
        ended = await operators.end_visit(tx, workspace_id=inside.workspace, visit_id=visit_id, operator_id=_operator(ctx), now=ctx.now())
        row = await operators.find_visit(tx, workspace_id=inside.workspace, visit_id=visit_id)
        if not ended or row is None:
            raise VisitNotFound
        await publish(tx, OperatorLeft(impersonation_id=row.id, operator_id=row.operator_id, user_id=row.user_id))
    return _visit(row)


async def list_visits(ctx: Context, *, request: PageRequest) -> PageOf[Visit]:
    """The operators' visits in the workspace, newest first, for its own people to see."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("identity") as tx:
        rows = await operators.list_visits(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(_visit(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def _host(tx: Transaction, workspace_id: UUID, wanted: UUID | None) -> UUID:
    if wanted is None:
        owners = await members.list_owners(tx, workspace_id=workspace_id)
        found = owners[0] if owners else None
    else:
        member = await members.find_member(tx, workspace_id=workspace_id, user_id=wanted)
        found = member.user_id if member is not None else None
    if found is None:
        raise NotFound(what="workspace")
    return found


def _operator(ctx: Context) -> UUID:
    if ctx.principal.kind != "operator" or ctx.principal.id is None:
        raise LookupError("only operators come here")
    return ctx.principal.id


def _is_running(row: VisitRow, now: datetime) -> bool:
    return row.ended_at is None and row.expires_at > now


def _token(ctx: Context, row: VisitRow) -> str:
    claims = AccessClaims(
        user_id=row.user_id,
        workspace_id=ctx.workspace,
        session_id=row.id,
        methods=VISIT_METHODS,
        authenticated_at=row.started_at,
        operator_id=row.operator_id,
    )
    return issue(ctx, claims, expires_at=row.expires_at)


def _visit(row: VisitRow) -> Visit:
    return Visit(
        id=row.id,
        operator_id=row.operator_id,
        user_id=row.user_id,
        reason=row.reason,
        ticket=row.ticket,
        started_at=row.started_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        elevated_at=row.elevated_at,
        elevation_reason=row.elevation_reason,
    )
