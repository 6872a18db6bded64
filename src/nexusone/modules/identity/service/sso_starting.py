"""Signing in through an identity provider begins: the browser is bound and sent there."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.single_sign_on import SsoStart, SsoStarted, SsoStepUp
from nexusone.modules.identity.domain.credentials import digest_of
from nexusone.modules.identity.domain.sso import BINDING, STATE, authorization_url, domain_of, may_return_to, write_reference
from nexusone.modules.identity.service.mailing import app_url
from nexusone.modules.identity.service.own_sessions import person_of
from nexusone.modules.identity.service.refusals import SsoNotSetUp
from nexusone.modules.identity.service.sso_connections import redirect_uri
from nexusone.modules.identity.service.sso_issuers import metadata_of
from nexusone.modules.identity.store import sso, sso_attempts
from nexusone.modules.identity.store.sso import ConnectionRow
from nexusone.modules.identity.store.sso_attempts import NewAttempt
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings

# Nothing can be guessed here; a whole office behind one address comes in on a Monday morning.
SSO_RATE = "300/minute"
SECRET_BYTES = 32
ATTEMPT_LIFE = timedelta(minutes=10)
ATTEMPT_KEPT = timedelta(days=1)
TABLE, COLUMN = "identity.sso_attempt", "sealed_verifier"


@dataclass(frozen=True, slots=True)
class _Renewed:
    user_id: UUID
    session_id: UUID


async def start(ctx: Context, *, wanted: SsoStart) -> SsoStarted:
    """Where the browser goes; it has ten minutes to come back.

    Raises:
        Unprocessable: not exactly one of connection and address, or a return address that is not the product's.
        SsoNotSetUp: nobody signs in that way there.
        SsoIssuerUnusable: the provider has become unusable.
        SsoProviderUnavailable: the provider does not answer.
        RateLimited: too many tries from this address.
    """
    await take(ctx, [Limit(policy="sso", rate=rate(SSO_RATE), subject=f"ip:{ctx.ip}")])
    _check(ctx, wanted)
    inside, connection = await _find(ctx, wanted)
    return await _begin(inside, connection, return_to=wanted.return_to)


async def step_up(ctx: Context, *, wanted: SsoStepUp) -> SsoStarted:
    """The same for a person who is signed in and proves themselves anew, in the place of the present session (AUTHN-17).

    The provider is asked not to be content with a session that it has.

    Raises:
        PeopleOnly: an API key asks, or an operator in the person's place.
        SsoNotSetUp: the person is known to no provider of the workspace.
        Unprocessable, SsoIssuerUnusable, SsoProviderUnavailable, RateLimited: as `start`.
    """
    await take(ctx, [Limit(policy="sso", rate=rate(SSO_RATE), subject=f"ip:{ctx.ip}")])
    _refuse(_foreign_address(ctx, wanted.return_to))
    user_id, session_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        connection = await sso.find_connection_of_user(tx, workspace_id=ctx.workspace, user_id=user_id)
    if connection is None:
        raise SsoNotSetUp
    return await _begin(ctx, connection, return_to=wanted.return_to, renewed=_Renewed(user_id, session_id))


async def _begin(ctx: Context, connection: ConnectionRow, *, return_to: str | None, renewed: _Renewed | None = None) -> SsoStarted:
    metadata = await metadata_of(ctx, issuer=connection.issuer)
    key = await ctx.runtime.vault.key_of(ctx.workspace)
    attempt_id, now = new_id(), ctx.now()
    state, binding, nonce, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(4))
    attempt = NewAttempt(
        workspace_id=ctx.workspace,
        id=attempt_id,
        connection_id=connection.id,
        state_hash=digest_of(state),
        binding_hash=digest_of(binding),
        nonce_hash=digest_of(nonce),
        sealed_verifier=ctx.runtime.vault.seal(
            key, workspace_id=ctx.workspace, table=TABLE, column=COLUMN, row_id=attempt_id, plaintext=verifier.encode()
        ),
        return_to=return_to,
        started_at=now,
        expires_at=now + ATTEMPT_LIFE,
        renewed_user_id=renewed.user_id if renewed else None,
        renewed_session_id=renewed.session_id if renewed else None,
    )
    async with ctx.transaction("identity") as tx:
        await sso_attempts.forget_attempts(tx, workspace_id=ctx.workspace, before=now - ATTEMPT_KEPT)
        await sso_attempts.insert_attempt(tx, attempt)
    place = {"workspace_id": ctx.workspace, "attempt_id": attempt_id}
    return SsoStarted(
        authorization_url=authorization_url(
            metadata,
            client_id=connection.client_id,
            redirect_uri=redirect_uri(ctx, connection.id),
            state=write_reference(STATE, **place, secret=state),
            nonce=nonce,
            verifier=verifier,
            is_anew=renewed is not None,
        ),
        binding=write_reference(BINDING, **place, secret=binding),
        expires_in=int(ATTEMPT_LIFE.total_seconds()),
    )


def _check(ctx: Context, wanted: SsoStart) -> None:
    faults = _foreign_address(ctx, wanted.return_to)
    if (wanted.connection_id is None) == (wanted.email is None):
        faults = [FieldError(pointer="", code="one_of", detail="name either a connection_id or an email"), *faults]
    _refuse(faults)


def _foreign_address(ctx: Context, return_to: str | None) -> list[FieldError]:
    origins = (app_url(ctx), ctx.setting(PlatformSettings).public_address)
    if return_to is None or may_return_to(return_to, origins=origins):
        return []
    return [FieldError(pointer="/return_to", code="foreign_address", detail="this is no address of the product")]


def _refuse(faults: list[FieldError]) -> None:
    if faults:
        raise Unprocessable(errors=tuple(faults), count=len(faults))


async def _find(ctx: Context, wanted: SsoStart) -> tuple[Context, ConnectionRow]:
    domain = domain_of(wanted.email.strip().lower()) if wanted.email is not None else None
    if wanted.connection_id is None and domain is None:
        raise SsoNotSetUp
    async with ctx.transaction("system") as tx:
        place = await sso.find_place(tx, connection_id=wanted.connection_id, domain=domain)
    if place is None:
        raise SsoNotSetUp
    inside = ctx.for_workspace(place.workspace_id)
    async with inside.transaction("identity") as tx:
        connection = await sso.find_connection(tx, workspace_id=inside.workspace, connection_id=place.id)
    if connection is None:
        raise SsoNotSetUp
    return inside, connection
