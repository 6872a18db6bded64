"""Signing up, signing in, refreshing, and who one is."""

import secrets
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.errors import NotFound, Unauthenticated, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts import Me, Refresh, SignedIn, SignIn, SignUp, User, Workspace
from nexusone.modules.identity.domain.credentials import digest_of, is_same, read_refresh_token, write_refresh_token
from nexusone.modules.identity.domain.passwords import password_faults
from nexusone.modules.identity.events import WorkspaceCreated
from nexusone.modules.identity.service.passwords import hash_password, is_outdated, is_password
from nexusone.modules.identity.service.refusals import EmailTaken, SessionEnded, WrongCredentials
from nexusone.modules.identity.service.tokens import AccessClaims, issue
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, credentials
from nexusone.modules.identity.store.accounts import UserRow, WorkspaceRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context

# Tighter than the API in general: per account and per address (AUTHN-05).
SIGN_IN_RATE = "20/minute"
SIGN_UP_RATE = "30/minute"


async def sign_up(ctx: Context, *, wanted: SignUp) -> SignedIn:
    """Makes an account, its workspace and its first session.

    Raises:
        Unprocessable: the password is too weak.
        EmailTaken: the address has an account.
    """
    settings = ctx.setting(IdentitySettings)
    await take(ctx, [Limit(policy="sign-up", rate=rate(SIGN_UP_RATE), subject=f"ip:{ctx.ip}")])
    email = wanted.email.strip().lower()
    faults = password_faults(wanted.password, length_min=settings.password_length_min, email=email, name=wanted.name)
    if faults:
        raise Unprocessable(errors=faults, count=len(faults))
    now = ctx.now()
    hashed = await hash_password(wanted.password, settings=settings)
    user = UserRow(id=new_id(), email=email, name=wanted.name, password_hash=hashed, locale=ctx.locale, created_at=now)
    inside = ctx.for_workspace(new_id())
    async with inside.transaction("identity") as tx:
        if not await accounts.insert_user(tx, user):
            raise EmailTaken
        await accounts.insert_workspace(
            tx, workspace_id=inside.workspace, name=wanted.workspace_name, default_locale="en", timezone="UTC", now=now
        )
        await accounts.insert_member(tx, workspace_id=inside.workspace, user_id=user.id, role="owner", now=now)
        await publish(tx, WorkspaceCreated(workspace_id=inside.workspace, workspace_name=wanted.workspace_name, owner_id=user.id))
        return await _open_session(inside, tx, user)


async def sign_in(ctx: Context, *, wanted: SignIn) -> SignedIn:
    """Opens a session.

    Raises:
        WrongCredentials: no such account, or another password; nobody learns which.
        RateLimited: too many tries for this account or from this address.
    """
    email = wanted.email.strip().lower()
    tries = rate(SIGN_IN_RATE)
    account = digest_of(email).hex()[:32]
    await take(
        ctx,
        [
            Limit(policy="sign-in-account", rate=tries, subject=account),
            Limit(policy="sign-in-address", rate=tries, subject=f"ip:{ctx.ip}"),
        ],
    )
    settings = ctx.setting(IdentitySettings)
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user_by_email(tx, email=email)
    if not await is_password(wanted.password, user.password_hash if user else None, settings=settings) or user is None:
        raise WrongCredentials
    workspace_id = await _choose_workspace(ctx, user.id, wanted.workspace_id)
    rehashed = await hash_password(wanted.password, settings=settings) if is_outdated(user.password_hash, settings=settings) else None
    inside = ctx.for_workspace(workspace_id)
    async with inside.transaction("identity") as tx:
        if rehashed is not None:
            await accounts.update_password_hash(tx, user_id=user.id, password_hash=rehashed)
        return await _open_session(inside, tx, user)


async def refresh(ctx: Context, *, wanted: Refresh) -> SignedIn:
    """Trades a refresh token for new tokens; a token used twice ends its session.

    Raises:
        SessionEnded: the token is not the present one of a living session.
    """
    reference = read_refresh_token(wanted.refresh_token)
    if reference is None:
        raise SessionEnded
    inside = ctx.for_workspace(reference.workspace_id)
    now = ctx.now()
    async with inside.transaction("identity") as tx:
        session = await credentials.find_session_for_refresh(tx, workspace_id=inside.workspace, session_id=reference.id)
        is_living = session is not None and session.revoked_at is None and session.expires_at > now
        if session is not None and is_living and is_same(session.refresh_hash, reference.digest):
            secret = secrets.token_urlsafe(32)
            await credentials.rotate_refresh(
                tx,
                workspace_id=inside.workspace,
                session_id=reference.id,
                refresh_hash=digest_of(secret),
                now=now,
            )
            user = await accounts.find_user(tx, user_id=session.user_id)
            if user is not None:
                return await _signed_in(inside, tx, user, session_id=reference.id, secret=secret)
        if session is not None and is_living:
            await credentials.revoke_session(tx, workspace_id=inside.workspace, session_id=reference.id, now=now)
    raise SessionEnded


async def me(ctx: Context) -> Me:
    """Who the credential stands for."""
    async with ctx.transaction("identity") as tx:
        workspace = await accounts.get_workspace(tx, workspace_id=ctx.workspace)
        is_user = ctx.principal.kind == "user" and ctx.principal.id is not None
        user = await accounts.find_user(tx, user_id=ctx.principal.id) if is_user and ctx.principal.id else None
    return Me(
        kind="user" if is_user else "api_key",
        user=_user(user) if user else None,
        workspace=_workspace(workspace),
        permissions=sorted(ctx.principal.permissions),
    )


async def workspace_of(ctx: Context) -> Workspace:
    """The workspace of the context."""
    async with ctx.transaction("identity") as tx:
        return _workspace(await accounts.get_workspace(tx, workspace_id=ctx.workspace))


async def _choose_workspace(ctx: Context, user_id: UUID, wanted: UUID | None) -> UUID:
    async with ctx.transaction("system") as tx:
        memberships = await accounts.list_memberships(tx, user_id=user_id)
    for membership in memberships:
        if wanted is None or membership.workspace_id == wanted:
            return membership.workspace_id
    if wanted is None:
        raise Unauthenticated(reason="this account belongs to no workspace")
    raise NotFound(what="workspace")


async def _open_session(ctx: Context, tx: Transaction, user: UserRow) -> SignedIn:
    secret, session_id, now = secrets.token_urlsafe(32), new_id(), ctx.now()
    await credentials.insert_session(
        tx,
        workspace_id=ctx.workspace,
        session_id=session_id,
        user_id=user.id,
        refresh_hash=digest_of(secret),
        now=now,
        expires_at=now + timedelta(seconds=ctx.setting(IdentitySettings).refresh_token_seconds),
    )
    return await _signed_in(ctx, tx, user, session_id=session_id, secret=secret)


async def _signed_in(ctx: Context, tx: Transaction, user: UserRow, *, session_id: UUID, secret: str) -> SignedIn:
    workspace = await accounts.get_workspace(tx, workspace_id=ctx.workspace)
    return SignedIn(
        user=_user(user),
        workspace=_workspace(workspace),
        access_token=issue(ctx, AccessClaims(user_id=user.id, workspace_id=ctx.workspace, session_id=session_id)),
        refresh_token=write_refresh_token(workspace_id=ctx.workspace, session_id=session_id, secret=secret),
        token_type="Bearer",  # noqa: S106 - the name of a scheme
        expires_in=ctx.setting(IdentitySettings).access_token_seconds,
    )


def _user(row: UserRow) -> User:
    return User(id=row.id, email=row.email, name=row.name, locale=row.locale, created_at=row.created_at)


def _workspace(row: WorkspaceRow) -> Workspace:
    return Workspace(id=row.id, name=row.name, default_locale=row.default_locale, timezone=row.timezone, created_at=row.created_at)
