"""What identity needs to know of plans, which are written above it."""

from typing import Protocol

from nexusone.platform.runtime import Context


class PlanAllowance(Protocol):
    """What the workspace's plan says of one feature."""

    @property
    def limit(self) -> int | None:
        """How many there may be at the most; None: without limit."""
        ...

    def require(self, *, used: int, quantity: int = 1) -> None:
        """Lets `quantity` more be where `used` are. Raises: PaymentRequired, naming the plan that would allow it."""
        ...


class PlanGate(Protocol):
    """Knows what workspaces may use by their plans."""

    async def allowance_of(self, ctx: Context, *, feature: str) -> PlanAllowance:
        """What the workspace's plan says of a feature. No transaction may be open."""
        ...
