"""How other modules ask identity. Functions that take a context open their own transaction."""

from uuid import UUID

from nexusone.modules.identity.contracts.accounts import User, Workspace
from nexusone.modules.identity.contracts.grants import Grant, Grants, NewGrant, ObjectKind
from nexusone.modules.identity.contracts.mails import WrittenMail
from nexusone.modules.identity.contracts.operators import Operator
from nexusone.modules.identity.domain.grants import Asker
from nexusone.modules.identity.domain.permissions import PERMISSIONS, PERSONAL_PERMISSIONS, ROLES, expanded
from nexusone.modules.identity.service import accounts, agencies, grants, invitations, mailing, operator_sign_in, operators
from nexusone.modules.identity.service.refusals import GrantNotFound, MemberNotFound, RoleNotFound
from nexusone.modules.identity.store.credentials import STANDING_HELD
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context

__all__ = [
    "PERMISSIONS",
    "PERSONAL_PERMISSIONS",
    "ROLES",
    "STANDING_HELD",
    "Asker",
    "GrantNotFound",
    "MemberNotFound",
    "RoleNotFound",
    "add_operator",
    "app_url",
    "asker_of",
    "count_seats",
    "disable_operator",
    "expanded",
    "find_owner",
    "forget_grants",
    "forget_operator_factor",
    "get_workspace",
    "grant_object",
    "list_clients",
    "list_grants",
    "list_operators",
    "revoke_grant",
    "send_mail",
]


async def add_operator(ctx: Context, *, email: str, name: str, password: str) -> UUID:
    """Makes an operator, in the system's name; answers their id.

    Raises:
        Unprocessable: the password is too weak.
        OperatorKnown: the address is an operator's.
    """
    return await operators.add_operator(ctx, email=email, name=name, password=password)


async def disable_operator(ctx: Context, *, email: str) -> None:
    """Lets an operator in no more; tokens and visits they have end at once. Raises: NotFound."""
    await operators.disable_operator(ctx, email=email)


async def forget_operator_factor(ctx: Context, *, email: str) -> None:
    """Forgets an operator's authenticator app; the next sign-in enrols another. Raises: NotFound."""
    await operator_sign_in.forget_factor(ctx, email=email)


async def list_operators(ctx: Context) -> list[Operator]:
    """All operators."""
    return await operators.list_operators(ctx)


async def get_workspace(ctx: Context) -> Workspace:
    """The workspace of the context."""
    return await accounts.workspace_of(ctx)


async def find_owner(ctx: Context) -> User | None:
    """The workspace's owner, of several the oldest member; None where nobody is left."""
    return await accounts.find_owner(ctx)


def app_url(ctx: Context) -> str:
    """Where people use the product, without a trailing slash; asks nobody."""
    return mailing.app_url(ctx)


def asker_of(principal: Principal, *, object_kind: ObjectKind) -> Asker:
    """A principal as grants see it, for statements that join `identity.object_grant_v1`; asks nobody."""
    return grants.asker_of(principal, object_kind=object_kind)


async def list_grants(ctx: Context, *, object_kind: ObjectKind, object_id: UUID) -> Grants:
    """All grants of an object; whoever owns it has asked whether the caller may see them."""
    return await grants.list_grants(ctx, object_kind=object_kind, object_id=object_id)


async def grant_object(ctx: Context, *, object_kind: ObjectKind, object_id: UUID, wanted: NewGrant) -> Grant:
    """Restricts an object to those with a grant, and gives one; whoever owns the object has asked whether the caller may.

    Raises:
        Unprocessable: not exactly one of member and role.
        MemberNotFound, RoleNotFound: there is none.
    """
    return await grants.grant(ctx, object_kind=object_kind, object_id=object_id, wanted=wanted)


async def revoke_grant(ctx: Context, *, object_kind: ObjectKind, object_id: UUID, grant_id: UUID) -> None:
    """Takes a grant away.

    Raises:
        GrantNotFound: there is none.
    """
    await grants.revoke(ctx, object_kind=object_kind, object_id=object_id, grant_id=grant_id)


async def forget_grants(ctx: Context, *, object_kind: ObjectKind, object_id: UUID) -> None:
    """Takes all grants away from an object that is no more."""
    await grants.forget(ctx, object_kind=object_kind, object_id=object_id)


async def send_mail(ctx: Context, *, mail: WrittenMail) -> None:
    """Has a mail of the product carried to one person; only jobs call it, so that no request waits for a mail server.

    Raises:
        MailerMissing: no carrier is set up.
        DefiniteFailure: the carrier did not take the mail.
        UnknownOutcome: nobody knows whether it did.
    """
    await mailing.send_mail(ctx, mail=mail)


async def count_seats(ctx: Context) -> int:
    """How many members the workspace has, and open invitations that would make more."""
    return await invitations.count_seats(ctx)


async def list_clients(ctx: Context) -> dict[UUID, str]:
    """The workspaces that have this one as their agency, with their names."""
    return await agencies.list_clients(ctx)
