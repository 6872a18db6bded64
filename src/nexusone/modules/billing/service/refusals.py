"""What billing refuses."""

from nexusone.kernel.errors import Conflict, NotFound, PaymentRequired, Unprocessable


class InsufficientCredits(PaymentRequired):
    """Fewer credits are `available` than are `needed` (decimal strings)."""

    code = "billing.insufficient_credits"


class HoldNotFound(NotFound):
    """There is no hold with this key in this workspace."""

    code = "billing.hold_not_found"


class HoldResolved(Conflict):
    """The hold was settled or released before, in another way than is asked now."""

    code = "billing.hold_resolved"


class SettleExceedsHold(Unprocessable):
    """More would be settled than was held (`held` and `settled` are decimal strings)."""

    code = "billing.settle_exceeds_hold"


class KeyConflict(Unprocessable):
    """The key was used before with other arguments."""

    code = "billing.key_conflict"
