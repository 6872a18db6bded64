"""What is announced of credits: grants, holds, caps, balances, top-ups, adjustments."""

from typing import ClassVar

from nexusone.kernel.contract import Contract, Id, Instant
from nexusone.kernel.money import CreditsText, MicroCredits
from nexusone.modules.billing.contracts.caps import Cap
from nexusone.platform.events import Event


class CreditsGranted(Event):
    """A workspace got credits."""

    name: ClassVar[str] = "billing.credits.granted.v1"

    grant_id: Id
    source: str
    amount_micros: MicroCredits


class CreditsSettled(Event):
    """Held credits were used: `amount_micros` in this step. `is_late`: after the hold had expired."""

    name: ClassVar[str] = "billing.credits.settled.v1"

    hold_id: Id
    key: str
    purpose: str
    amount_micros: MicroCredits
    is_late: bool


class ExpiredHold(Contract):
    """One hold of `HoldsExpired`, with what went back. `is_kept`: the outcome of its work was never found out."""

    hold_id: Id
    key: str
    purpose: str
    returned_micros: MicroCredits
    is_kept: bool = False


class HoldsExpired(Event):
    """Holds that nobody resolved in time were released; at most 500 in one event."""

    name: ClassVar[str] = "billing.holds.expired.v1"

    holds: list[ExpiredHold]


class HoldKept(Event):
    """Whether the work of a hold was done is not known: it stays until that is found out, or until its time is over."""

    name: ClassVar[str] = "billing.hold.kept.v1"

    hold_id: Id
    key: str
    purpose: str
    until: Instant


class CapsChanged(Event):
    """The workspace has these caps now."""

    name: ClassVar[str] = "billing.caps.changed.v1"

    caps: list[Cap]


class OverdraftLimitChanged(Event):
    """How far the workspace may go below zero."""

    name: ClassVar[str] = "billing.overdraft_limit.changed.v1"

    limit_micros: MicroCredits
    before_micros: MicroCredits


class AlertsChanged(Event):
    """Below which numbers of unspent credits the workspace is told."""

    name: ClassVar[str] = "billing.alerts.changed.v1"

    thresholds: list[CreditsText]


class BalanceLow(Event):
    """Fewer credits are unspent than a threshold of the workspace; once each time it is crossed."""

    name: ClassVar[str] = "billing.balance.low.v1"

    threshold_micros: MicroCredits
    unspent_micros: MicroCredits


class TopUpChanged(Event):
    """The automatic top-up was set."""

    name: ClassVar[str] = "billing.topup.changed.v1"

    is_enabled: bool
    threshold_micros: MicroCredits
    top_up_micros: MicroCredits
    monthly_maximum_micros: MicroCredits


class TopUpWanted(Event):
    """Credits have run low, and the workspace wants more bought; within its monthly maximum."""

    name: ClassVar[str] = "billing.topup.wanted.v1"

    wanted_micros: MicroCredits
    unspent_micros: MicroCredits


class TopUpFailed(Event):
    """A wanted top-up was not bought: `reason` is why nothing could be charged, or what the payer's side said."""

    name: ClassVar[str] = "billing.topup.failed.v1"

    wanted_micros: MicroCredits
    payment_id: Id | None
    reason: str


class AdjustmentMade(Event):
    """An operator gives or takes credits; `is_booked` false: a second person must agree first."""

    name: ClassVar[str] = "billing.adjustment.made.v1"

    adjustment_id: Id
    kind: str
    adjusted_micros: MicroCredits
    is_booked: bool


class AdjustmentDecided(Event):
    """A second person agreed to an adjustment, or declined it."""

    name: ClassVar[str] = "billing.adjustment.decided.v1"

    adjustment_id: Id
    is_booked: bool
