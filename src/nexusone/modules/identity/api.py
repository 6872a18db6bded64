"""How other modules ask identity."""

from nexusone.modules.identity.contracts.accounts import Workspace
from nexusone.modules.identity.service import accounts
from nexusone.platform.runtime import Context


async def get_workspace(ctx: Context) -> Workspace:
    """The workspace of the context."""
    return await accounts.workspace_of(ctx)
