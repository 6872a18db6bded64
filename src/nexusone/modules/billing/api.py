"""How other modules pay: hold the most it can cost, do the work, settle what it cost. Micro-credits throughout.

Every call opens its own transaction, so none may be made inside another. Repeating a call with the same arguments
books nothing twice and gives the hold as it stands.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from nexusone.modules.billing.contracts.credits import Balance, Hold
from nexusone.modules.billing.contracts.entitlements import Taken
from nexusone.modules.billing.contracts.ledger import LedgerDifference
from nexusone.modules.billing.contracts.usage import ReactionName, UsageEvent, UsageRecorded
from nexusone.modules.billing.service import balances, entitlements, holds, margins, pools_drawing, usage, verification
from nexusone.modules.billing.service.entitlements import Allowance
from nexusone.modules.billing.service.refusals import HoldNotFound, HoldResolved, InsufficientCredits, KeyConflict, SettleExceedsHold
from nexusone.modules.billing.service.refusals_credits import CapReached
from nexusone.modules.billing.service.refusals_plans import NotInPlan, TakeConflict
from nexusone.modules.billing.service.refusals_usage import MeterUnknown, PurposeStopped, UsageOutOfTime
from nexusone.platform.runtime import Context

__all__ = [
    "Allowance",
    "CapReached",
    "HoldNotFound",
    "HoldResolved",
    "InsufficientCredits",
    "KeyConflict",
    "MeterUnknown",
    "NotInPlan",
    "PurposeStopped",
    "SettleExceedsHold",
    "TakeConflict",
    "UsageEvent",
    "UsageOutOfTime",
    "UsageRecorded",
    "check_entitlement",
    "check_margin",
    "get_allowance",
    "get_balance",
    "give_back_entitlement",
    "hold",
    "keep",
    "record_cost",
    "record_usage",
    "release",
    "settle",
    "settle_noting",
    "settle_part",
    "take_entitlement",
    "verify_ledger",
    "verify_ledgers",
]


async def hold(ctx: Context, *, key: str, amount_micros: int, purpose: str, expires_in: timedelta, job: str | None = None) -> Hold:
    """Sets credits aside (more than none) under a key unique in the workspace; unresolved, they go back after `expires_in`.

    It counts against the caps of the workspace, of the member or key that asks, and of the `job` that it is part of.

    What a client of an agency lacks is drawn from the agency's pool first, where it is a member of one.

    Raises:
        InsufficientCredits: with `available` and `needed` as decimal strings.
        CapReached: an InsufficientCredits; a cap does not let it through.
        KeyConflict: the key holds another amount or purpose.
    """
    try:
        return await holds.hold(ctx, key=key, amount_micros=amount_micros, purpose=purpose, expires_in=expires_in, job=job)
    except CapReached:
        raise
    except InsufficientCredits as refused:
        return await pools_drawing.hold_from_pool(
            ctx, refused=refused, key=key, amount_micros=amount_micros, purpose=purpose, expires_in=expires_in, job=job
        )


async def settle(ctx: Context, *, key: str, amount_micros: int) -> Hold:
    """Books the used amount, beyond what parts have settled, and gives the rest back to the grants it came from.

    After the hold expired, the amount is taken from what is available, and what is missing becomes overdraft. So does what goes
    beyond the hold, where the plan allows overdraft, up to the workspace's limit.

    Raises:
        SettleExceedsHold: parts and amount are more than was held, and overdraft does not cover it.
        HoldResolved: it was released, or settled with another amount.
        HoldNotFound: no such key.
    """
    return await holds.settle(ctx, key=key, amount_micros=amount_micros)


async def settle_noting(ctx: Context, *, key: str, amount_micros: int, cost_nano: int, events: Sequence[UsageEvent]) -> Hold:
    """`settle`, `record_cost` (under the hold's key and purpose; 0: nothing to note) and `record_usage` in one transaction.

    Raises:
        SettleExceedsHold, HoldResolved, HoldNotFound, MeterUnknown, UsageOutOfTime: as they do; nothing is booked or noted then.
    """
    return await holds.settle_noting(ctx, key=key, amount_micros=amount_micros, cost_nano=cost_nano, events=events)


async def settle_part(ctx: Context, *, key: str, part_key: str, amount_micros: int) -> Hold:
    """Books a part and leaves the rest held; a part is booked once per `part_key`. Conclude with `settle` or `release`.

    Raises:
        SettleExceedsHold: all parts are more than was held.
        HoldResolved: it was settled or released.
        KeyConflict: the part was booked with another amount.
        HoldNotFound: no such key.
    """
    return await holds.settle_part(ctx, key=key, part_key=part_key, amount_micros=amount_micros)


async def release(ctx: Context, *, key: str) -> Hold:
    """Gives back what no part has used; after expiry it has gone back already.

    Raises:
        HoldResolved: it was settled.
        HoldNotFound: no such key.
    """
    return await holds.release(ctx, key=key)


async def keep(ctx: Context, *, key: str, until: datetime) -> Hold:
    """Keeps a hold until then, because nobody knows yet whether its work was done; settle or release it once that is known.

    At its new end it is released like any other, and announced as kept.

    Raises:
        HoldResolved: it is held no more.
        HoldNotFound: no such key.
    """
    return await holds.keep(ctx, key=key, until=until)


async def verify_ledger(ctx: Context) -> list[LedgerDifference]:
    """Where the books of the workspace disagree; nowhere when they are sound."""
    return await verification.verify(ctx)


async def verify_ledgers(ctx: Context) -> AsyncIterator[list[LedgerDifference]]:
    """The same for every workspace that has an account, one by one; takes the system context."""
    async for _, differences in verification.verify_all(ctx):
        yield differences


async def get_balance(ctx: Context) -> Balance:
    """The workspace's credits; zeros where none was ever granted."""
    return await balances.get_balance(ctx)


async def check_entitlement(ctx: Context, *, feature: str, quantity: int = 1, used: int | None = None) -> None:
    """Whether the workspace's plan allows `quantity` more; takes nothing. `used` defaults to what is known to be used.

    Raises:
        NotInPlan: with feature, used, limit, and the plan that would allow it.
    """
    await entitlements.check(ctx, feature=feature, quantity=quantity, used=used)


async def get_allowance(ctx: Context, *, feature: str) -> Allowance:
    """What the plan says of a feature of what there is, to be asked with the count inside the transaction that makes one more."""
    return await entitlements.allowance_of(ctx, feature=feature)


async def take_entitlement(ctx: Context, *, feature: str, quantity: int, key: str) -> Taken:
    """Uses `quantity` of what is counted by the month: exactly, once per key; all of it or none.

    Raises:
        NotInPlan: as `check_entitlement`.
        TakeConflict: the key took something else before.
    """
    return await entitlements.take(ctx, feature=feature, quantity=quantity, key=key)


async def give_back_entitlement(ctx: Context, *, key: str, kept: int = 0) -> None:
    """Gives back all but `kept` of what a key took; a key that took nothing gives nothing back."""
    await entitlements.give_back(ctx, key=key, kept=kept)


async def record_usage(ctx: Context, *, events: Sequence[UsageEvent]) -> UsageRecorded:
    """Counts what was used, up to ten thousand events in one statement; the same `id` counts once in a workspace.

    Raises:
        MeterUnknown: there is no such meter.
        UsageOutOfTime: over 400 days back, or more than an hour ahead.
    """
    return await usage.record(ctx, events=events)


async def record_cost(ctx: Context, *, key: str, purpose: str, cost_nano: int) -> None:
    """Notes what a vendor charged (billionths of a dollar) for something that `purpose` earns credits with; once per key."""
    await margins.record_cost(ctx, key=key, purpose=purpose, cost_nano=cost_nano)


async def check_margin(ctx: Context, *, purpose: str) -> ReactionName | None:
    """Asked before something is held for a purpose: "tell" or "reroute" where its margin is below the floor, None while it is above.

    Raises:
        PurposeStopped: it is below, and the floor stops it.
    """
    return await margins.check(ctx, purpose=purpose)
