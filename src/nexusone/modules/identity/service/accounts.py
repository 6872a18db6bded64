"""Who one is, and where."""

from nexusone.modules.identity.contracts.accounts import Me, User, Workspace
from nexusone.modules.identity.service.sessions import user_of, workspace_of_row
from nexusone.modules.identity.store import accounts, members
from nexusone.platform.runtime import Context


async def me(ctx: Context) -> Me:
    """Who the credential stands for."""
    async with ctx.transaction("identity") as tx:
        workspace = await accounts.get_workspace(tx, workspace_id=ctx.workspace)
        is_user = ctx.principal.kind == "user" and ctx.principal.id is not None
        user = await accounts.find_user(tx, user_id=ctx.principal.id) if is_user and ctx.principal.id else None
    return Me(
        kind="user" if is_user else "api_key",
        user=user_of(user) if user else None,
        workspace=workspace_of_row(workspace),
        permissions=sorted(ctx.principal.permissions),
    )


async def workspace_of(ctx: Context) -> Workspace:
    """The workspace of the context."""
    async with ctx.transaction("identity") as tx:
        return workspace_of_row(await accounts.get_workspace(tx, workspace_id=ctx.workspace))


async def find_owner(ctx: Context) -> User | None:
    """The workspace's owner, of several the oldest member; None where nobody is left."""
    async with ctx.transaction("identity") as tx:
        owners = await members.list_owners(tx, workspace_id=ctx.workspace)
        user = await accounts.find_user(tx, user_id=owners[0]) if owners else None
    return user_of(user) if user else None
