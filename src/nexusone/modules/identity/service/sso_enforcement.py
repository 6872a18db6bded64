"""Single sign-on where a workspace demands it: whoever comes another way is turned back."""

from uuid import UUID

from nexusone.modules.identity.service.refusals import SsoRequired
from nexusone.modules.identity.store import sso
from nexusone.platform.audit import record_apart
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

SSO, SECOND_FACTOR = "sso", "mfa"


async def refuse_other_ways(ctx: Context, tx: Transaction, *, user_id: UUID, workspace_id: UUID, methods: tuple[str, ...]) -> None:
    """Lets in who came through single sign-on, and owners with a second factor, should the provider be out of order.

    Raises:
        SsoRequired: the workspace demands another way than `methods`.
    """
    if SSO in methods:
        return
    enforced = await sso.find_enforced(tx, workspace_id=workspace_id, user_id=user_id)
    if enforced is None or (enforced.role == "owner" and SECOND_FACTOR in methods):
        return
    raise SsoRequired(connection_id=str(enforced.id))


async def refuse_password(ctx: Context, *, user_id: UUID) -> None:
    """Turns back, before any second factor is asked for, members who may not come by password at all.

    Raises:
        SsoRequired: the workspace of the context demands single sign-on.
    """
    async with ctx.transaction("identity") as tx:
        enforced = await sso.find_enforced(tx, workspace_id=ctx.workspace, user_id=user_id)
    if enforced is None or enforced.role == "owner":
        return
    await record_apart(ctx, action="identity.sso.bypass", object_kind="user", object_id=str(user_id))
    raise SsoRequired(connection_id=str(enforced.id))
