"""A workspace's connections to identity providers: made, changed, demanded, deleted."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.identity.contracts.single_sign_on import NewSsoConnection, SsoConnection, SsoConnectionChange, SsoDomain
from nexusone.modules.identity.domain.permissions import permissions_of, within
from nexusone.modules.identity.events import SsoConnectionChanged, SsoConnectionCreated, SsoConnectionDeleted
from nexusone.modules.identity.ports import DomainProofs
from nexusone.modules.identity.ports.plans import PlanGate
from nexusone.modules.identity.service.mfa import find_factors
from nexusone.modules.identity.service.refusals import PermissionNotHeld, SsoConnectionExists, SsoConnectionNotFound, SsoNotTried
from nexusone.modules.identity.service.sso_issuers import metadata_of
from nexusone.modules.identity.service.step_up import require_recent
from nexusone.modules.identity.store import sso
from nexusone.modules.identity.store.sso import ConnectionRow, DomainRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import DataKey

TABLE, COLUMN = "identity.sso_connection", "sealed_secret"
# What is changed by other means than assigning it.
NOT_COLUMNS = frozenset({"client_secret", "domains"})


async def create_connection(ctx: Context, *, wanted: NewSsoConnection) -> SsoConnection:
    """Makes a connection to an issuer that answers as one.

    Raises:
        PermissionNotHeld: the default role has more permissions than its maker.
        SsoIssuerUnusable: the issuer cannot be used.
        SsoProviderUnavailable: the issuer does not answer.
        SsoConnectionExists: there is one to this client of this issuer.
        PaymentRequired: the plan is without single sign-on.
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    _refuse_higher_role(ctx, wanted.default_role)
    (await ctx.port(PlanGate).allowance_of(ctx, feature="sso")).require(used=0)
    await metadata_of(ctx, issuer=wanted.issuer, is_fresh=True)
    key = await ctx.runtime.vault.key_of(ctx.workspace)
    connection_id, now = new_id(), ctx.now()
    row = ConnectionRow(
        id=connection_id,
        name=wanted.name,
        issuer=wanted.issuer,
        client_id=wanted.client_id,
        sealed_secret=_sealed(ctx, key, connection_id, wanted.client_secret),
        default_role=wanted.default_role,
        creates_members=wanted.creates_members,
        honours_mfa=wanted.honours_mfa,
        is_enabled=True,
        is_enforced=False,
        version=1,
        created_at=now,
        updated_at=now,
    )
    async with ctx.transaction("identity") as tx:
        if not await sso.insert_connection(tx, row, workspace_id=ctx.workspace):
            raise SsoConnectionExists
        await _set_domains(ctx, tx, connection_id, wanted.domains)
        await publish(tx, SsoConnectionCreated(sso_connection_id=connection_id, issuer=wanted.issuer))
        answer = await shown(ctx, tx, row)
        await conclude(tx, answer)
    return answer


async def list_connections(ctx: Context, *, request: PageRequest) -> PageOf[SsoConnection]:
    """Connections, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("identity") as tx:
        rows = await sso.list_connections(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
        domains = await sso.list_domains(tx, workspace_id=ctx.workspace, connection_ids=[row.id for row in rows])
    items = tuple(_connection(ctx, row, domains) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def get_connection(ctx: Context, *, connection_id: UUID) -> SsoConnection:
    """One connection.

    Raises:
        SsoConnectionNotFound: there is none.
    """
    async with ctx.transaction("identity") as tx:
        row = await sso.find_connection(tx, workspace_id=ctx.workspace, connection_id=connection_id)
        if row is None:
            raise SsoConnectionNotFound
        return await shown(ctx, tx, row)


async def change_connection(ctx: Context, *, connection_id: UUID, wanted: SsoConnectionChange, expected: int | None) -> SsoConnection:
    """Changes a connection. Once single sign-on is demanded, all sessions but owners' that began otherwise are over.

    Raises:
        SsoConnectionNotFound: there is none.
        PreconditionFailed: it is at another version than expected.
        PermissionNotHeld: the default role has more permissions than who changes it.
        SsoNotTried: it cannot be demanded yet.
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    fields = {name: value for name, value in wanted.model_dump(exclude_unset=True).items() if value is not None}
    if wanted.default_role is not None:
        _refuse_higher_role(ctx, wanted.default_role)
    key = await ctx.runtime.vault.key_of(ctx.workspace)
    async with ctx.transaction("identity") as tx:
        row = await sso.find_connection(tx, workspace_id=ctx.workspace, connection_id=connection_id, is_to_change=True)
        if row is None:
            raise SsoConnectionNotFound
        if expected is not None and expected != row.version:
            raise PreconditionFailed(version=row.version)
        changed = replace(row, **{name: value for name, value in fields.items() if name not in NOT_COLUMNS})
        changed = replace(changed, version=row.version + 1, updated_at=ctx.now())
        if wanted.client_secret is not None:
            changed = replace(changed, sealed_secret=_sealed(ctx, key, row.id, wanted.client_secret))
        if wanted.domains is not None:
            await _set_domains(ctx, tx, row.id, wanted.domains)
        if _is_demanded(changed) and not _is_demanded(row):
            await _demand(ctx, tx, changed)
        await sso.update_connection(tx, changed, workspace_id=ctx.workspace)
        await publish(tx, SsoConnectionChanged(sso_connection_id=row.id, fields=sorted(fields), is_enforced=changed.is_enforced))
        return await shown(ctx, tx, changed)


async def delete_connection(ctx: Context, *, connection_id: UUID) -> None:
    """Deletes a connection; its members stay members and may choose a password by mail.

    Raises:
        SsoConnectionNotFound: there is none.
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    async with ctx.transaction("identity") as tx:
        if not await sso.delete_connection(tx, workspace_id=ctx.workspace, connection_id=connection_id):
            raise SsoConnectionNotFound
        await publish(tx, SsoConnectionDeleted(sso_connection_id=connection_id))


async def shown(ctx: Context, tx: Transaction, row: ConnectionRow) -> SsoConnection:
    """A connection in the words of the API."""
    return _connection(ctx, row, await sso.list_domains(tx, workspace_id=ctx.workspace, connection_ids=[row.id]))


def redirect_uri(ctx: Context, connection_id: UUID) -> str:
    """Where a provider sends browsers back to; every connection has an address of its own, so that answers cannot be mixed up."""
    return f"{ctx.setting(PlatformSettings).public_address}/auth/sso/{connection_id}/callback"


def open_secret(ctx: Context, key: DataKey, row: ConnectionRow) -> str:
    """A connection's client secret."""
    opened = ctx.runtime.vault.open(
        key, workspace_id=ctx.workspace, table=TABLE, column=COLUMN, row_id=row.id, ciphertext=row.sealed_secret
    )
    return opened.decode()


def _sealed(ctx: Context, key: DataKey, connection_id: UUID, secret: str) -> bytes:
    return ctx.runtime.vault.seal(
        key, workspace_id=ctx.workspace, table=TABLE, column=COLUMN, row_id=connection_id, plaintext=secret.encode()
    )


def _refuse_higher_role(ctx: Context, role: str) -> None:
    permissions = permissions_of(role)
    if not within(permissions, ctx.principal.permissions):
        raise PermissionNotHeld(permissions=", ".join(sorted(permissions - ctx.principal.permissions)))


def _is_demanded(row: ConnectionRow) -> bool:
    return row.is_enabled and row.is_enforced


async def _demand(ctx: Context, tx: Transaction, row: ConnectionRow) -> None:
    # Nobody shall lock a whole company out with a connection that does not work.
    if not await sso.is_used(tx, workspace_id=ctx.workspace, connection_id=row.id):
        raise SsoNotTried(reason="nobody has come in through this connection yet")
    owners = await sso.list_owners(tx, workspace_id=ctx.workspace)
    if not any([(await find_factors(tx, user_id=owner)).count for owner in owners]):
        raise SsoNotTried(reason="no owner has a second factor, with which to come in should the provider be out of order")
    await sso.end_other_sessions(tx, workspace_id=ctx.workspace, now=ctx.now())


async def _set_domains(ctx: Context, tx: Transaction, connection_id: UUID, wanted: Sequence[str]) -> None:
    present = await sso.list_domains(tx, workspace_id=ctx.workspace, connection_ids=[connection_id])
    kept = [row.domain for row in present if row.domain in wanted]
    added = {domain: f"nexusone-domain={secrets.token_urlsafe(24)}" for domain in dict.fromkeys(wanted) if domain not in kept}
    await sso.set_domains(tx, workspace_id=ctx.workspace, connection_id=connection_id, kept=kept, added=added)


def _connection(ctx: Context, row: ConnectionRow, domains: Sequence[DomainRow]) -> SsoConnection:
    proofs = ctx.port(DomainProofs)
    return SsoConnection(
        id=row.id,
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        redirect_uri=redirect_uri(ctx, row.id),
        domains=[
            SsoDomain(domain=found.domain, proof=found.proof, proof_url=proofs.address_of(found.domain), proven_at=found.proven_at)
            for found in domains
            if found.connection_id == row.id
        ],
        default_role=row.default_role,
        creates_members=row.creates_members,
        honours_mfa=row.honours_mfa,
        is_enabled=row.is_enabled,
        is_enforced=row.is_enforced,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
