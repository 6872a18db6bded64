"""Which user a person of an identity provider is. An address decides only in a domain that the workspace has proved."""

from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.domain.id_token import Person
from nexusone.modules.identity.domain.sso import domain_of
from nexusone.modules.identity.events import MemberJoined, SsoIdentityLinked
from nexusone.modules.identity.ports.plans import PlanAllowance
from nexusone.modules.identity.service.invitations import require_seat
from nexusone.modules.identity.service.refusals import SsoDomainNotAllowed, SsoEmailUnverified, SsoNotAMember
from nexusone.modules.identity.store import accounts, sso
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.modules.identity.store.sso import ConnectionRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

NAME_LENGTH_MAX = 200


async def user_behind(ctx: Context, tx: Transaction, *, connection: ConnectionRow, person: Person, seats: PlanAllowance) -> UUID:
    """The user of a person that the provider vouches for, linked or made at the first time; a new member takes one of the seats.

    Raises:
        SsoEmailUnverified: nothing is known of the person but an address that the provider has not verified.
        SsoDomainNotAllowed: the address is in no domain that the connection has proved.
        SsoNotAMember: no member, and members are not made; or disabled; or the account is linked to another subject.
        PaymentRequired: the person would be a new member, and the plan has no seat left.
    """
    place = {"workspace_id": ctx.workspace, "connection_id": connection.id}
    known = await sso.find_identity(tx, **place, subject=person.subject)
    if known is not None:
        await _refuse_foreign(ctx, tx, connection, person.email)
        user = await accounts.find_user(tx, user_id=known)
        if user is None or user.disabled_at is not None:
            raise SsoNotAMember
        await sso.touch_identity(tx, **place, subject=person.subject, now=ctx.now())
        return known
    if person.email is None:
        raise SsoEmailUnverified
    await _refuse_foreign(ctx, tx, connection, person.email)
    return await _link(ctx, tx, connection, person, person.email, seats)


async def _refuse_foreign(ctx: Context, tx: Transaction, connection: ConnectionRow, email: str | None) -> None:
    if email is None:
        return
    domains = await sso.list_domains(tx, workspace_id=ctx.workspace, connection_ids=[connection.id])
    if domain_of(email) not in {row.domain for row in domains if row.proven_at is not None}:
        raise SsoDomainNotAllowed


async def _link(ctx: Context, tx: Transaction, connection: ConnectionRow, person: Person, email: str, seats: PlanAllowance) -> UUID:
    user = await accounts.find_user_by_email(tx, email=email)
    is_member = user is not None and await sso.is_member(tx, workspace_id=ctx.workspace, user_id=user.id)
    if (user is not None and user.disabled_at is not None) or not (is_member or connection.creates_members):
        raise SsoNotAMember
    if not is_member:
        await require_seat(ctx, tx, seats)
    user_id = user.id if user is not None else await _insert_user(ctx, tx, person, email)
    if user is not None:
        await sso.take_over_unverified(tx, user_id=user.id, now=ctx.now())
    if not is_member:
        await accounts.insert_member(tx, workspace_id=ctx.workspace, user_id=user_id, role=connection.default_role, now=ctx.now())
        await publish(tx, MemberJoined(user_id=user_id, role=connection.default_role))
    # An address that was given to another person must not bring the first one's account along.
    linked = await sso.insert_identity(
        tx, workspace_id=ctx.workspace, connection_id=connection.id, subject=person.subject, user_id=user_id, now=ctx.now()
    )
    if not linked:
        raise SsoNotAMember
    fact = SsoIdentityLinked(user_id=user_id, sso_connection_id=connection.id, is_new_account=user is None, is_new_member=not is_member)
    await publish(tx, fact)
    return user_id


async def _insert_user(ctx: Context, tx: Transaction, person: Person, email: str) -> UUID:
    shown = "".join(sign for sign in person.name or "" if sign.isprintable()).strip()[:NAME_LENGTH_MAX]
    user = UserRow(
        id=new_id(),
        email=email,
        name=shown or email.partition("@")[0],
        password_hash=None,
        locale=ctx.locale,
        created_at=ctx.now(),
        email_verified_at=ctx.now(),
    )
    if await accounts.insert_user(tx, user):
        return user.id
    # Somebody else made it in the same moment; the next try finds it.
    raise SsoNotAMember
