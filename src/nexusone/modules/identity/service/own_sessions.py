"""A person's own sessions: seen together, ended one by one or all but the present one."""

from uuid import UUID

from nexusone.modules.identity.contracts.accounts import Session, Sessions
from nexusone.modules.identity.events import SessionEnded
from nexusone.modules.identity.service.refusals import PeopleOnly, SessionNotFound
from nexusone.modules.identity.store import accounts, sessions
from nexusone.modules.identity.store.sessions import ListedSessionRow
from nexusone.platform.audit import record
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

LISTED_MAX = 100


def person_of(ctx: Context) -> tuple[UUID, UUID]:
    """The user and the session that ask.

    Raises:
        PeopleOnly: an API key asks, or an operator in the person's place.
    """
    principal = ctx.principal
    if principal.kind != "user" or principal.id is None or principal.session_id is None or principal.impersonator is not None:
        raise PeopleOnly
    return principal.id, principal.session_id


async def list_sessions(ctx: Context) -> Sessions:
    """The living sessions of the caller, in all workspaces.

    Raises:
        PeopleOnly: an API key asks.
    """
    user_id, session_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user(tx, user_id=user_id)
    async with ctx.transaction("system") as tx:
        rows = await sessions.list_sessions(tx, user_id=user_id, now=ctx.now(), limit=LISTED_MAX)
    living = [row for row in rows if user is not None and row.generation == user.session_generation]
    return Sessions(items=[_session(row, current=session_id) for row in living])


async def end_session(ctx: Context, *, session_id: UUID) -> None:
    """Ends one session of the caller, in whichever workspace it is.

    Raises:
        SessionNotFound: there is no such living session.
        PeopleOnly: an API key asks.
    """
    user_id, _ = person_of(ctx)
    async with ctx.transaction("system") as tx:
        workspace_id = await sessions.find_workspace_of_session(tx, session_id=session_id, user_id=user_id)
    if workspace_id is None:
        raise SessionNotFound
    async with ctx.for_workspace(workspace_id).transaction("identity") as tx:
        if not await sessions.revoke_session(tx, workspace_id=workspace_id, session_id=session_id, user_id=user_id, now=ctx.now()):
            raise SessionNotFound
        await publish(tx, SessionEnded(session_id=session_id, user_id=user_id, reason="ended"))


async def end_other_sessions(ctx: Context) -> None:
    """Ends all sessions of the caller but the present one.

    Raises:
        PeopleOnly: an API key asks.
    """
    user_id, session_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        await sessions.end_all(tx, user_id=user_id, kept=(ctx.workspace, session_id))
        await record(tx, action="identity.sessions.ended", object_kind="user", object_id=str(user_id), after={"kept": str(session_id)})
        await conclude(tx, None)


async def sign_out(ctx: Context) -> None:
    """Ends the caller's present session; its access tokens stop working at once.

    Raises:
        PeopleOnly: an API key asks.
    """
    user_id, session_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        await sessions.revoke_session(tx, workspace_id=ctx.workspace, session_id=session_id, user_id=user_id, now=ctx.now())
        await publish(tx, SessionEnded(session_id=session_id, user_id=user_id, reason="signed_out"))
        await conclude(tx, None)


def _session(row: ListedSessionRow, *, current: UUID) -> Session:
    return Session(
        id=row.id,
        workspace_id=row.workspace_id,
        methods=row.methods,
        ip=row.ip,
        user_agent=row.user_agent,
        created_at=row.created_at,
        refreshed_at=row.refreshed_at,
        expires_at=row.expires_at,
        is_current=row.id == current,
    )
