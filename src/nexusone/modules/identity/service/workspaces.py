"""Workspaces: their settings, resting, and going from one to another."""

from dataclasses import replace
from uuid import UUID
from zoneinfo import available_timezones

from nexusone.kernel.errors import FieldError, NotFound, PreconditionFailed, Unprocessable
from nexusone.kernel.locale import canonical_locale
from nexusone.modules.identity.contracts.accounts import SignedIn
from nexusone.modules.identity.contracts.workspaces import (
    Membership,
    Memberships,
    Switch,
    WorkspaceChange,
    WorkspaceDetails,
    WorkspaceState,
)
from nexusone.modules.identity.events import WorkspaceChanged, WorkspaceResumed, WorkspaceSuspended
from nexusone.modules.identity.service.refusals import DeletionPlanned, ProvedElsewhere, WorkspaceNotSuspended
from nexusone.modules.identity.service.rights import named
from nexusone.modules.identity.service.sessions import Proof, open_session
from nexusone.modules.identity.service.sso_enforcement import SSO, refuse_other_ways
from nexusone.modules.identity.service.step_up import person_of
from nexusone.modules.identity.store import accounts, workspaces
from nexusone.modules.identity.store.workspaces import OwnWorkspaceRow, WorkspaceDetailsRow
from nexusone.platform.audit import record_apart
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context


async def get_workspace(ctx: Context) -> WorkspaceDetails:
    """The workspace of the context."""
    async with ctx.transaction("identity") as tx:
        return details_of(await get_row(ctx, tx))


async def change_workspace(ctx: Context, *, change: WorkspaceChange, version: int | None) -> WorkspaceDetails:
    """Renames the workspace, or sets its language or time zone.

    Raises:
        PreconditionFailed: it is at another version.
        Unprocessable: no such language or time zone.
    """
    locale, zone = checked_settings(locale=change.default_locale, zone=change.timezone)
    async with ctx.transaction("identity") as tx:
        row = await get_row(ctx, tx, is_locked=True)
        if version is not None and version != row.version:
            raise PreconditionFailed(version=row.version)
        changed = replace(
            row,
            name=change.name or row.name,
            default_locale=locale or row.default_locale,
            timezone=zone or row.timezone,
            version=row.version + 1,
        )
        await workspaces.update_workspace(tx, changed)
        await publish(tx, WorkspaceChanged(workspace_id=row.id))
    return details_of(changed)


async def suspend(ctx: Context) -> WorkspaceDetails:
    """Lets the workspace only be read: nothing is changed or sent, and jobs wait. Again is harmless."""
    async with ctx.transaction("identity") as tx:
        row = await get_row(ctx, tx, is_locked=True)
        if row.suspended_at is None:
            row = replace(row, suspended_at=ctx.now(), version=row.version + 1)
            await workspaces.update_workspace(tx, row)
            await publish(tx, WorkspaceSuspended(workspace_id=row.id))
        await conclude(tx, details_of(row))
    return details_of(row)


async def resume(ctx: Context) -> WorkspaceDetails:
    """Lets the workspace work again.

    Raises:
        WorkspaceNotSuspended: it does.
        DeletionPlanned: it is about to be deleted, which must be called off first.
    """
    async with ctx.transaction("identity") as tx:
        row = await get_row(ctx, tx, is_locked=True)
        if row.delete_at is not None:
            raise DeletionPlanned
        if row.suspended_at is None:
            raise WorkspaceNotSuspended
        row = replace(row, suspended_at=None, version=row.version + 1)
        await workspaces.update_workspace(tx, row)
        await publish(tx, WorkspaceResumed(workspace_id=row.id))
        await conclude(tx, details_of(row))
    return details_of(row)


async def list_own(ctx: Context) -> Memberships:
    """All workspaces of the person, with their roles; only the present one where its own provider vouched for them."""
    async with ctx.transaction("system") as tx:
        rows = await workspaces.list_own(tx, user_id=person_of(ctx))
    is_bound = SSO in ctx.principal.methods
    return Memberships(items=[_membership(row, current=ctx.workspace) for row in rows if not is_bound or row.workspace_id == ctx.workspace])


async def switch(ctx: Context, *, wanted: Switch) -> SignedIn:
    """A session in another workspace of the person's; how they proved themselves, and when, goes along with them.

    Raises:
        NotFound: they do not belong to it, or there is none.
        ProvedElsewhere: the present workspace's provider vouched for them, which counts in no other.
        SsoRequired: the other workspace demands its own.
    """
    user_id = person_of(ctx)
    if SSO in ctx.principal.methods:
        raise ProvedElsewhere
    async with ctx.transaction("system") as tx:
        is_member = any(row.workspace_id == wanted.workspace_id for row in await workspaces.list_own(tx, user_id=user_id))
    if not is_member:
        # A workspace id from outside is only ever compared with what the credential's person has (TEN-01).
        await record_apart(ctx, action="identity.workspace.refused", object_kind="workspace", object_id=str(wanted.workspace_id))
        raise NotFound(what="workspace")
    # Whoever switches acts under the session they have; the new one begins in the other workspace.
    inside = replace(ctx.for_workspace(wanted.workspace_id), principal=replace(ctx.principal, standing=None))
    async with inside.transaction("identity") as tx:
        user = await accounts.find_user(tx, user_id=user_id)
        if user is None or user.disabled_at is not None:
            raise NotFound(what="workspace")
        await refuse_other_ways(inside, tx, user_id=user_id, workspace_id=inside.workspace, methods=ctx.principal.methods)
        proof = Proof(methods=ctx.principal.methods, authenticated_at=ctx.principal.authenticated_at or ctx.now())
        return await open_session(inside, tx, user=user, proof=proof)


async def get_row(ctx: Context, tx: Transaction, *, is_locked: bool = False) -> WorkspaceDetailsRow:
    """The workspace's row, locked against other changes if `is_locked`. Raises: NotFound."""
    row = await workspaces.find_workspace(tx, workspace_id=ctx.workspace, is_locked=is_locked)
    if row is None:
        raise NotFound(what="workspace")
    return row


def checked_settings(*, locale: str | None, zone: str | None) -> tuple[str | None, str | None]:
    """Both in their canonical form, as far as they are given. Raises: Unprocessable."""
    faults: list[FieldError] = []
    if locale is not None:
        try:
            locale = canonical_locale(locale)
        except ValueError:
            faults.append(FieldError(pointer="/default_locale", code="unknown", detail="a language is a BCP 47 tag, such as de or pt-BR"))
    if zone is not None and zone not in available_timezones():
        faults.append(FieldError(pointer="/timezone", code="unknown", detail="a time zone is an IANA name, such as Europe/Vienna"))
    if faults:
        raise Unprocessable(errors=tuple(faults), count=len(faults))
    return locale, zone


def state_of(row: WorkspaceDetailsRow | OwnWorkspaceRow) -> WorkspaceState:
    """Whether the workspace works, rests, or goes."""
    if row.delete_at is not None:
        return "to_be_deleted"
    return "active" if row.suspended_at is None else "suspended"


def details_of(row: WorkspaceDetailsRow) -> WorkspaceDetails:
    """A row as callers see it."""
    return WorkspaceDetails(
        id=row.id,
        name=row.name,
        default_locale=row.default_locale,
        timezone=row.timezone,
        state=state_of(row),
        agency_id=row.agency_id,
        suspended_at=row.suspended_at,
        delete_at=row.delete_at,
        version=row.version,
        created_at=row.created_at,
    )


def _membership(row: OwnWorkspaceRow, *, current: UUID) -> Membership:
    return Membership(
        workspace_id=row.workspace_id,
        name=row.name,
        role=named(row.role, row.custom_role_id),
        role_name=row.role_name or row.role,
        state=state_of(row),
        is_current=row.workspace_id == current,
    )
