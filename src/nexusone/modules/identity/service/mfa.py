"""Second factors: whether a sign-in needs one."""

from uuid import UUID

from nexusone.modules.identity.contracts.mfa import MfaChallenge
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


async def challenge_for(ctx: Context, tx: Transaction, *, user_id: UUID, workspace_id: UUID) -> MfaChallenge | None:
    """What is asked of a user besides the first factor; None where nothing is."""
    return None
