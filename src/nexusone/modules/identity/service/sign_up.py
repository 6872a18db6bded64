"""Signing up: an account with its first workspace."""

from nexusone.kernel.errors import Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.accounts import SignedIn, SignUp
from nexusone.modules.identity.domain.passwords import password_faults
from nexusone.modules.identity.events import WorkspaceCreated
from nexusone.modules.identity.service.passwords import hash_password
from nexusone.modules.identity.service.refusals import EmailTaken
from nexusone.modules.identity.service.sign_in import finish_sign_in
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.platform.events import publish
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context

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
        return await finish_sign_in(inside, tx, user=user, workspace_id=inside.workspace, methods=("pwd",))
