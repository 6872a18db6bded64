"""How other modules ask identity."""

from nexusone.modules.identity.contracts.accounts import Workspace
from nexusone.modules.identity.service import accounts
from nexusone.modules.identity.store.credentials import STANDING_HELD
from nexusone.platform.runtime import Context

__all__ = ["STANDING_HELD", "get_workspace"]


async def get_workspace(ctx: Context) -> Workspace:
    """The workspace of the context."""
    return await accounts.workspace_of(ctx)
