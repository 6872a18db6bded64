"""What the ledger refuses beside holds: caps, settings, adjustments."""

from nexusone.kernel.errors import Conflict, Forbidden, NotFound, Unprocessable
from nexusone.modules.billing.service.refusals import InsufficientCredits


class CapReached(InsufficientCredits):
    """A cap (`scope`, `period`, `limit`) leaves only `available` credits, and `needed` are more (decimal strings)."""

    code = "billing.cap_reached"


class SettingFaulty(Unprocessable):
    """Caps, alerts or top-up cannot be set like this; `errors` point at what is wrong."""

    code = "billing.setting_faulty"


class GrantNotFound(NotFound):
    """There is no such grant in this workspace."""

    code = "billing.grant_not_found"


class AdjustmentNotFound(NotFound):
    """There is no such adjustment."""

    code = "billing.adjustment_not_found"


class AdjustmentDone(Conflict):
    """The adjustment was decided before."""

    code = "billing.adjustment_done"


class SecondPersonNeeded(Forbidden):
    """Who made an adjustment cannot agree to it."""

    code = "billing.second_person_needed"


class WorkspaceUnknown(NotFound):
    """There is no such workspace."""

    code = "billing.workspace_unknown"
