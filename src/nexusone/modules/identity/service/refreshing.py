"""Refreshing: a token is traded for new ones once; one that was spent before ends its session."""

import secrets
from datetime import datetime, timedelta

from nexusone.modules.identity.contracts.accounts import Refresh, SignedIn
from nexusone.modules.identity.domain.credentials import SecretReference, digest_of, is_same, read_refresh_token
from nexusone.modules.identity.events import SessionEnded as Ended
from nexusone.modules.identity.service.mailing import notify
from nexusone.modules.identity.service.refusals import RefreshSuperseded, SessionEnded
from nexusone.modules.identity.service.sessions import SECRET_BYTES, Proof, signed_in
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, sessions
from nexusone.modules.identity.store.sessions import SessionRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


async def refresh(ctx: Context, *, wanted: Refresh) -> SignedIn:
    """Trades a refresh token for new tokens; a spent one ends its session, and with it all that came of it.

    Raises:
        SessionEnded: the token is not the present one of a living session.
        RefreshSuperseded: another request with the same token was under way at the same time, and has the new tokens.
    """
    reference = read_refresh_token(wanted.refresh_token)
    if reference is None:
        raise SessionEnded
    inside, asked_at = ctx.for_workspace(reference.workspace_id), ctx.now()
    async with inside.transaction("identity") as tx:
        session = await sessions.find_session_for_refresh(tx, workspace_id=inside.workspace, session_id=reference.id)
        answer = await _trade(inside, tx, session, reference, asked_at) if session is not None and _is_living(session, inside) else None
    if answer is None:
        raise SessionEnded
    if isinstance(answer, RefreshSuperseded):
        raise answer
    return answer


def _is_living(session: SessionRow, ctx: Context) -> bool:
    return session.is_current and session.revoked_at is None and session.expires_at > ctx.now()


async def _trade(
    ctx: Context, tx: Transaction, session: SessionRow, reference: SecretReference, asked_at: datetime
) -> SignedIn | RefreshSuperseded | None:
    place = {"workspace_id": ctx.workspace, "session_id": reference.id}
    if is_same(session.refresh_hash, reference.digest):
        return await _rotate(ctx, tx, session, reference)
    # A token that never was this session's must not end it: whoever knows the session's id alone has no say.
    if not await sessions.is_spent(tx, **place, secret_hash=reference.digest):
        return None
    if asked_at < session.refreshed_at:
        return RefreshSuperseded(headers={"Retry-After": "1"})
    await sessions.revoke_session(tx, **place, user_id=session.user_id, now=ctx.now())
    await publish(tx, Ended(session_id=reference.id, user_id=session.user_id, reason="token_reused"))
    await notify(ctx, tx, user_id=session.user_id, kind="refresh_reused")
    return None


async def _rotate(ctx: Context, tx: Transaction, session: SessionRow, reference: SecretReference) -> SignedIn | None:
    user = await accounts.find_user(tx, user_id=session.user_id)
    if user is None:
        return None
    secret, now = secrets.token_urlsafe(SECRET_BYTES), ctx.now()
    lives = timedelta(seconds=ctx.setting(IdentitySettings).refresh_token_seconds)
    await sessions.rotate_refresh(
        tx,
        workspace_id=ctx.workspace,
        session_id=reference.id,
        refresh_hash=digest_of(secret),
        now=now,
        expires_at=min(session.ends_at, now + lives),
    )
    await record(tx, action="identity.session.refreshed", object_kind="session", object_id=str(reference.id))
    proof = Proof(methods=tuple(session.methods), authenticated_at=session.authenticated_at)
    return await signed_in(ctx, tx, user=user, session_id=reference.id, secret=secret, proof=proof)
