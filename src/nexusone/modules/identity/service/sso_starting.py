"""Signing in through an identity provider begins: the browser is bound and sent there."""

import secrets
from datetime import timedelta

from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.single_sign_on import SsoStart, SsoStarted
from nexusone.modules.identity.domain.credentials import digest_of
from nexusone.modules.identity.domain.sso import BINDING, STATE, authorization_url, domain_of, may_return_to, write_reference
from nexusone.modules.identity.service.mailing import app_url
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
    metadata = await metadata_of(inside, issuer=connection.issuer)
    key = await ctx.runtime.vault.key_of(inside.workspace)
    attempt_id, now = new_id(), ctx.now()
    state, binding, nonce, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(4))
    attempt = NewAttempt(
        workspace_id=inside.workspace,
        id=attempt_id,
        connection_id=connection.id,
        state_hash=digest_of(state),
        binding_hash=digest_of(binding),
        nonce_hash=digest_of(nonce),
        sealed_verifier=ctx.runtime.vault.seal(
            key, workspace_id=inside.workspace, table=TABLE, column=COLUMN, row_id=attempt_id, plaintext=verifier.encode()
        ),
        return_to=wanted.return_to,
        started_at=now,
        expires_at=now + ATTEMPT_LIFE,
    )
    async with inside.transaction("identity") as tx:
        await sso_attempts.forget_attempts(tx, workspace_id=inside.workspace, before=now - ATTEMPT_KEPT)
        await sso_attempts.insert_attempt(tx, attempt)
    place = {"workspace_id": inside.workspace, "attempt_id": attempt_id}
    return SsoStarted(
        authorization_url=authorization_url(
            metadata,
            client_id=connection.client_id,
            redirect_uri=redirect_uri(ctx, connection.id),
            state=write_reference(STATE, **place, secret=state),
            nonce=nonce,
            verifier=verifier,
        ),
        binding=write_reference(BINDING, **place, secret=binding),
        expires_in=int(ATTEMPT_LIFE.total_seconds()),
    )


def _check(ctx: Context, wanted: SsoStart) -> None:
    faults = []
    if (wanted.connection_id is None) == (wanted.email is None):
        faults.append(FieldError(pointer="", code="one_of", detail="name either a connection_id or an email"))
    origins = (app_url(ctx), ctx.setting(PlatformSettings).public_address)
    if wanted.return_to is not None and not may_return_to(wanted.return_to, origins=origins):
        faults.append(FieldError(pointer="/return_to", code="foreign_address", detail="this is no address of the product"))
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
