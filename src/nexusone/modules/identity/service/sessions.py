"""Sessions: how one begins, and the tokens that stand for it."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.accounts import SignedIn, User, Workspace
from nexusone.modules.identity.domain.credentials import digest_of, write_refresh_token
from nexusone.modules.identity.events import SessionOpened
from nexusone.modules.identity.service.tokens import AccessClaims, issue
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, sessions
from nexusone.modules.identity.store.accounts import UserRow, WorkspaceRow
from nexusone.modules.identity.store.sessions import NewSession
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """How a person showed who they are: by which methods (RFC 8176), when, and on which known device."""

    methods: tuple[str, ...]
    authenticated_at: datetime
    device_id: UUID | None = None


async def open_session(ctx: Context, tx: Transaction, *, user: UserRow, proof: Proof) -> SignedIn:
    """Begins a session in the context's workspace, with tokens of its own."""
    secret, session_id, now = secrets.token_urlsafe(SECRET_BYTES), new_id(), ctx.now()
    settings = ctx.setting(IdentitySettings)
    ends_at = now + timedelta(seconds=settings.session_seconds_max)
    session = NewSession(
        workspace_id=ctx.workspace,
        id=session_id,
        user_id=user.id,
        refresh_hash=digest_of(secret),
        generation=user.session_generation,
        methods=list(proof.methods),
        authenticated_at=proof.authenticated_at,
        now=now,
        expires_at=min(ends_at, now + timedelta(seconds=settings.refresh_token_seconds)),
        ends_at=ends_at,
        ip=ctx.ip,
        user_agent=ctx.user_agent,
        device_id=proof.device_id,
    )
    await sessions.insert_session(tx, session)
    await publish(tx, SessionOpened(session_id=session_id, user_id=user.id, methods=list(proof.methods)))
    return await signed_in(ctx, tx, user=user, session_id=session_id, secret=secret, proof=proof)


async def signed_in(ctx: Context, tx: Transaction, *, user: UserRow, session_id: UUID, secret: str, proof: Proof) -> SignedIn:
    """The answer that stands for a session: who, where, and its tokens."""
    workspace = await accounts.get_workspace(tx, workspace_id=ctx.workspace)
    claims = AccessClaims(
        user_id=user.id,
        workspace_id=ctx.workspace,
        session_id=session_id,
        methods=proof.methods,
        authenticated_at=proof.authenticated_at,
    )
    return SignedIn(
        user=user_of(user),
        workspace=workspace_of_row(workspace),
        access_token=issue(ctx, claims),
        refresh_token=write_refresh_token(workspace_id=ctx.workspace, session_id=session_id, secret=secret),
        token_type="Bearer",  # noqa: S106 - the name of a scheme
        expires_in=ctx.setting(IdentitySettings).access_token_seconds,
    )


def user_of(row: UserRow) -> User:
    """A user's row in the words of the API."""
    return User(id=row.id, email=row.email, name=row.name, locale=row.locale, created_at=row.created_at)


def workspace_of_row(row: WorkspaceRow) -> Workspace:
    """A workspace's row in the words of the API."""
    return Workspace(id=row.id, name=row.name, default_locale=row.default_locale, timezone=row.timezone, created_at=row.created_at)
