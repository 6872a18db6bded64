"""Invitations: asked by mail, answered with the mail's token, which makes a member and opens no session."""

import secrets
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.contract import Contract, Id
from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.identity.contracts.members import Invitation, InvitationAnswer, Joined, NewInvitation
from nexusone.modules.identity.domain.credentials import SecretReference, digest_of, is_same
from nexusone.modules.identity.domain.invitations import read_invitation_token, write_invitation_token
from nexusone.modules.identity.events import InvitationWithdrawn, MemberInvited, MemberJoined
from nexusone.modules.identity.ports.plans import PlanAllowance, PlanGate
from nexusone.modules.identity.service.breaches import faults_of
from nexusone.modules.identity.service.mailing import link_to, post
from nexusone.modules.identity.service.passwords import hash_password
from nexusone.modules.identity.service.refusals import AlreadyInvited, AlreadyMember, InvitationNotFound, InvitationSpent
from nexusone.modules.identity.service.rights import named
from nexusone.modules.identity.service.roles import choose_role
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, invitations, members, workspaces
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.modules.identity.store.invitations import InvitationRow
from nexusone.modules.identity.store.members import RoleChoice
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context

SEND_INVITATION = "identity.send_invitation"
SECRET_BYTES = 32
INVITE_RATE = "60/hour"
ANSWER_RATE = "30/minute"
SEATS = "members.seats"


class InvitationOrder(Contract):
    """The mail of an invitation, to be written; the secret is made then."""

    invitation_id: Id


async def invite(ctx: Context, *, wanted: NewInvitation) -> Invitation:
    """Asks somebody to join, by a mail that a job sends.

    Raises:
        RoleNotFound: there is none.
        RankTooHigh: the role may do more than the caller.
        AlreadyMember, AlreadyInvited: as they say.
        RateLimited: the workspace invited many people lately.
        PaymentRequired: the plan has no seat left.
    """
    await take(ctx, [Limit(policy="invite", rate=rate(INVITE_RATE), subject=str(ctx.workspace))])
    email, now = wanted.email.strip().lower(), ctx.now()
    seats = await ctx.port(PlanGate).allowance_of(ctx, feature=SEATS)
    async with ctx.transaction("identity") as tx:
        choice = await choose_role(ctx, tx, wanted.role)
        if await invitations.is_member(tx, workspace_id=ctx.workspace, email=email):
            raise AlreadyMember
        await require_seat(ctx, tx, seats)
        row = InvitationRow(
            id=new_id(),
            email=email,
            role=choice.role,
            custom_role_id=choice.custom_role_id,
            locale=ctx.locale,
            invited_by=ctx.principal.id if ctx.principal.kind == "user" else None,
            secret_hash=None,
            created_at=now,
            expires_at=now + timedelta(seconds=ctx.setting(IdentitySettings).invitation_seconds),
        )
        if not await invitations.insert_invitation(tx, row, workspace_id=ctx.workspace):
            raise AlreadyInvited
        await enqueue_named(tx, [(SEND_INVITATION, InvitationOrder(invitation_id=row.id))])
        await publish(tx, MemberInvited(invitation_id=row.id, role=named(row.role, row.custom_role_id)))
        await conclude(tx, _invitation(row))
    return _invitation(row)


async def count_seats(ctx: Context) -> int:
    """How many seats are used: members, and invitations that are open."""
    async with ctx.transaction("identity") as tx:
        return await invitations.count_seats(tx, workspace_id=ctx.workspace, now=ctx.now())


async def list_invitations(ctx: Context, *, request: PageRequest) -> PageOf[Invitation]:
    """Invitations that can still be accepted, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("identity") as tx:
        rows = await invitations.list_invitations(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1, now=ctx.now())
    items = tuple(_invitation(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def withdraw_invitation(ctx: Context, *, invitation_id: UUID) -> None:
    """Voids an invitation.

    Raises:
        InvitationNotFound: there is no open one.
    """
    async with ctx.transaction("identity") as tx:
        if not await invitations.withdraw(tx, workspace_id=ctx.workspace, invitation_id=invitation_id, now=ctx.now()):
            raise InvitationNotFound
        await publish(tx, InvitationWithdrawn(invitation_id=invitation_id))


async def send_invitation(ctx: Context, *, order: InvitationOrder) -> None:
    """Writes the mail with a fresh secret, which voids that of an earlier mail; the secret exists nowhere but in the mail."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    async with ctx.transaction("identity") as tx:
        row = await invitations.find_invitation(tx, workspace_id=ctx.workspace, invitation_id=order.invitation_id)
        given = row is not None and await invitations.give_secret(
            tx, workspace_id=ctx.workspace, invitation_id=row.id, secret_hash=digest_of(secret), now=ctx.now()
        )
        workspace = await accounts.get_workspace(tx, workspace_id=ctx.workspace)
        inviter = await accounts.find_user(tx, user_id=row.invited_by) if row is not None and row.invited_by is not None else None
    if row is None or not given:
        return
    token = write_invitation_token(workspace_id=ctx.workspace, invitation_id=row.id, secret=secret)
    values = {
        "link": link_to(ctx, "/auth/join", token),
        "workspace": _plain(workspace.name),
        "inviter": _plain(inviter.name if inviter is not None else workspace.name),
        "days": str(ctx.setting(IdentitySettings).invitation_seconds // 86_400),
    }
    await post(ctx, "invitation", recipient=row.email, name=row.email, locale=row.locale, values=values)


async def accept_invitation(ctx: Context, *, answer: InvitationAnswer) -> Joined:
    """Makes whoever has the mail's token a member; they sign in afterwards, with all that is asked for there.

    Raises:
        InvitationSpent: used before, withdrawn, expired, or never was.
        Unprocessable: the address has no account, and name or password is missing or too weak.
    """
    await take(ctx, [Limit(policy="accept-invitation", rate=rate(ANSWER_RATE), subject=f"ip:{ctx.ip}")])
    reference = read_invitation_token(answer.token)
    if reference is None:
        raise InvitationSpent
    inside = ctx.for_workspace(reference.workspace_id)
    async with inside.transaction("identity") as tx:
        row = await _open(inside, tx, reference, is_locked=False)
        known = await accounts.find_user_by_email(tx, email=row.email)
    fresh = None if known is not None else await _new_account(inside, row, answer)
    async with inside.transaction("identity") as tx:
        row = await _open(inside, tx, reference, is_locked=True)
        if fresh is not None and not await accounts.insert_user(tx, fresh):
            raise InvitationSpent
        user = known or fresh
        if user is None or user.disabled_at is not None:
            raise InvitationSpent
        choice = RoleChoice(row.role, row.custom_role_id)
        await invitations.accept(tx, workspace_id=inside.workspace, invitation_id=row.id, now=ctx.now())
        if await members.insert_member(tx, workspace_id=inside.workspace, user_id=user.id, choice=choice, now=ctx.now()):
            await publish(tx, MemberJoined(user_id=user.id, role=named(row.role, row.custom_role_id)))
        workspace = await accounts.get_workspace(tx, workspace_id=inside.workspace)
    return Joined(workspace_id=inside.workspace, workspace_name=workspace.name, email=row.email, is_new_account=fresh is not None)


async def require_seat(ctx: Context, tx: Transaction, seats: PlanAllowance) -> None:
    """Keeps a seat free until the transaction ends. Raises: PaymentRequired where the plan has none left."""
    if seats.limit is None:
        return
    # Of two who want the last seat, the second waits here and then counts the first.
    await workspaces.find_workspace(tx, workspace_id=ctx.workspace, is_locked=True)
    seats.require(used=await invitations.count_seats(tx, workspace_id=ctx.workspace, now=ctx.now()))


async def _open(ctx: Context, tx: Transaction, reference: SecretReference, *, is_locked: bool) -> InvitationRow:
    row = await invitations.find_invitation(tx, workspace_id=ctx.workspace, invitation_id=reference.id, is_locked=is_locked)
    if row is None or row.secret_hash is None or not is_same(row.secret_hash, reference.digest) or not row.is_open(ctx.now()):
        raise InvitationSpent
    return row


async def _new_account(ctx: Context, row: InvitationRow, answer: InvitationAnswer) -> UserRow:
    missing = [field for field in ("name", "password") if getattr(answer, field) is None]
    faults = tuple(FieldError(pointer=f"/{field}", code="required", detail="a new account needs it") for field in missing)
    settings, name, password = ctx.setting(IdentitySettings), answer.name or "", answer.password or ""
    faults += await faults_of(ctx, password=password, email=row.email, name=name) if not faults else ()
    if faults:
        raise Unprocessable(errors=faults, count=len(faults))
    hashed = await hash_password(password, settings=settings)
    return UserRow(
        id=new_id(),
        email=row.email,
        name=name,
        password_hash=hashed,
        locale=row.locale,
        created_at=ctx.now(),
        # The token came by mail, so the address is the account's.
        email_verified_at=ctx.now(),
    )


def _plain(name: str) -> str:
    # Mail programs make links of anything like an address, so a company's "name" could lead readers away.
    return name.replace("://", " ").replace(".", " ").replace("/", " ")[:60]


def _invitation(row: InvitationRow) -> Invitation:
    return Invitation(
        id=row.id,
        email=row.email,
        role=named(row.role, row.custom_role_id),
        invited_by=row.invited_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
