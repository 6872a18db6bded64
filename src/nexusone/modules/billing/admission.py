"""Door of billing for the modules below it: what workspaces may use by their plans."""

from nexusone.modules.billing.service import entitlements
from nexusone.modules.billing.service.entitlements import Allowance
from nexusone.platform.runtime import Context


class PlanDesk:
    """Knows what workspaces may use by their plans; see `identity.ports.plans.PlanGate`."""

    async def allowance_of(self, ctx: Context, *, feature: str) -> Allowance:
        """What the workspace's plan says of a feature. No transaction may be open."""
        return await entitlements.allowance_of(ctx, feature=feature)
