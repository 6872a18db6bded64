"""Signing in through an identity provider goes on: the browser comes back, and at last has its session."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from nexusone.kernel.errors import Refusal
from nexusone.modules.identity.contracts.accounts import SignedIn
from nexusone.modules.identity.contracts.mfa import MfaChallenge
from nexusone.modules.identity.contracts.single_sign_on import SsoFinish
from nexusone.modules.identity.domain.sso import BINDING, STATE, is_mixed_up, read_reference
from nexusone.modules.identity.ports.plans import PlanGate
from nexusone.modules.identity.service.invitations import SEATS
from nexusone.modules.identity.service.mfa import challenge_for
from nexusone.modules.identity.service.refusals import SsoAttemptOver, SsoDenied, SsoNotAMember, SsoTokenRefused
from nexusone.modules.identity.service.sign_in import finish_sign_in
from nexusone.modules.identity.service.sso_connections import open_secret
from nexusone.modules.identity.service.sso_enforcement import SECOND_FACTOR, SSO
from nexusone.modules.identity.service.sso_issuers import metadata_of
from nexusone.modules.identity.service.sso_linking import user_behind
from nexusone.modules.identity.service.sso_starting import COLUMN, SSO_RATE, TABLE
from nexusone.modules.identity.service.sso_tokens import Grant, person_behind
from nexusone.modules.identity.store import accounts, sessions, sso, sso_attempts
from nexusone.modules.identity.store.sso import ConnectionRow
from nexusone.modules.identity.store.sso_attempts import ProvedAttempt, ReturnedRow, ReturnPlace
from nexusone.platform.audit import record_apart
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context

FINISH_LIFE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Returned:
    """What the provider sent the browser back with; `binding` is the browser's own cookie."""

    connection_id: UUID
    state: str | None
    code: str | None
    issuer: str | None
    error: str | None
    binding: str | None


async def come_back(ctx: Context, *, returned: Returned) -> str | None:
    """Takes a browser back, once, and finds out who it is. Answers where it goes now; None: nowhere.

    A failure goes along to where the browser wanted (`?sso_error=<code>`), and is raised where it wanted nowhere.

    Raises:
        SsoAttemptOver: not started here, by another browser, too long ago, at another connection, or used before.
        SsoDenied, SsoTokenRefused, SsoEmailUnverified, SsoDomainNotAllowed, SsoNotAMember: the person does not get in.
        SsoProviderUnavailable: the provider does not answer as it should.
    """
    await take(ctx, [Limit(policy="sso", rate=rate(SSO_RATE), subject=f"ip:{ctx.ip}")])
    state = read_reference(STATE, returned.state or "")
    binding = read_reference(BINDING, returned.binding or "")
    if state is None or binding is None or (state.workspace_id, state.id) != (binding.workspace_id, binding.id):
        raise SsoAttemptOver
    inside = ctx.for_workspace(state.workspace_id)
    place = ReturnPlace(state.id, returned.connection_id, state.digest, binding.digest)
    async with inside.transaction("identity") as tx:
        attempt = await sso_attempts.return_attempt(tx, place, workspace_id=inside.workspace, now=ctx.now())
    if attempt is None:
        raise SsoAttemptOver
    try:
        await _prove(inside, attempt, returned)
    except Refusal as refusal:
        await record_apart(
            inside,
            action="identity.sso.refuse",
            object_kind="sso_connection",
            object_id=str(attempt.connection_id),
            after={"code": refusal.code, "reason": str(refusal.data.get("reason", ""))},
        )
        if attempt.return_to is None:
            raise
        return _with_query(attempt.return_to, sso_error=refusal.code)
    return None if attempt.return_to is None else _with_query(attempt.return_to, sso="done")


async def finish(ctx: Context, *, wanted: SsoFinish, cookie: str | None) -> SignedIn | MfaChallenge:
    """The session of a browser that has come back, or the second factor that is asked for, once.

    Raises:
        SsoAttemptOver: the browser has not come back, too long ago, or has its session already.
        SsoNotAMember: the account was disabled since.
    """
    await take(ctx, [Limit(policy="sso", rate=rate(SSO_RATE), subject=f"ip:{ctx.ip}")])
    binding = read_reference(BINDING, wanted.binding or cookie or "")
    if binding is None:
        raise SsoAttemptOver
    inside = ctx.for_workspace(binding.workspace_id)
    async with inside.transaction("identity") as tx:
        finished = await sso_attempts.finish_attempt(
            tx, workspace_id=inside.workspace, attempt_id=binding.id, binding_hash=binding.digest, now=ctx.now()
        )
        if finished is None:
            raise SsoAttemptOver
        user = await accounts.find_user(tx, user_id=finished.user_id)
        if user is None or user.disabled_at is not None:
            raise SsoNotAMember
        methods, renewed = tuple(finished.methods), finished.renewed_session_id
        if SECOND_FACTOR not in methods:
            challenge = await challenge_for(inside, tx, user_id=user.id, workspace_id=inside.workspace, methods=methods, session_id=renewed)
            if challenge is not None:
                return challenge
        if renewed is not None:
            await sessions.revoke_session(tx, workspace_id=inside.workspace, session_id=renewed, user_id=user.id, now=ctx.now())
        return await finish_sign_in(
            inside, tx, user=user, workspace_id=inside.workspace, methods=methods, authenticated_at=finished.authenticated_at
        )


async def _prove(ctx: Context, attempt: ReturnedRow, returned: Returned) -> None:
    key = await ctx.runtime.vault.key_of(ctx.workspace)
    async with ctx.transaction("identity") as tx:
        connection = await sso.find_connection(tx, workspace_id=ctx.workspace, connection_id=attempt.connection_id)
    if connection is None or not connection.is_enabled:
        raise SsoAttemptOver
    metadata = await metadata_of(ctx, issuer=connection.issuer)
    if is_mixed_up(metadata, named=returned.issuer):
        raise SsoTokenRefused(reason="the answer is of another provider")
    if returned.code is None or returned.error is not None:
        raise SsoDenied(reason=_shown(returned.error))
    verifier = ctx.runtime.vault.open(
        key, workspace_id=ctx.workspace, table=TABLE, column=COLUMN, row_id=attempt.id, ciphertext=attempt.sealed_verifier
    )
    grant = Grant(attempt=attempt, code=returned.code, verifier=verifier.decode(), client_secret=open_secret(ctx, key, connection))
    person = await person_behind(ctx, connection=connection, metadata=metadata, grant=grant)
    methods = _methods(connection, has_second_factor=person.has_second_factor)
    seats = await ctx.port(PlanGate).allowance_of(ctx, feature=SEATS)
    async with ctx.transaction("identity") as tx:
        user_id = await user_behind(ctx, tx, connection=connection, person=person, seats=seats)
        if attempt.renewed_user_id not in (None, user_id):
            raise SsoTokenRefused(reason="somebody else came back")
        proved = ProvedAttempt(
            id=attempt.id,
            user_id=user_id,
            methods=methods,
            authenticated_at=min(person.authenticated_at or ctx.now(), ctx.now()),
            now=ctx.now(),
            expires_at=ctx.now() + FINISH_LIFE,
        )
        await sso_attempts.prove_attempt(tx, proved, workspace_id=ctx.workspace)


def _methods(connection: ConnectionRow, *, has_second_factor: bool) -> list[str]:
    return [SSO, SECOND_FACTOR] if connection.honours_mfa and has_second_factor else [SSO]


def _shown(error: str | None) -> str:
    # The provider's word comes through the browser, so only what looks like an OAuth error code is repeated.
    is_code = error is not None and error.isascii() and error.replace("_", "").isalpha() and len(error) <= 50
    return error if is_code and error is not None else "no code"


def _with_query(address: str, **values: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(values)}"
