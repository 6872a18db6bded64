"""How other modules pay: hold the most it can cost, do the work, settle what it cost. Micro-credits throughout.

Every call opens its own transaction, so none may be made inside another. Repeating a call with the same arguments
books nothing twice and gives the hold as it stands.
"""

from datetime import timedelta

from nexusone.modules.billing.contracts.credits import Balance, Hold
from nexusone.modules.billing.service import balances, holds
from nexusone.modules.billing.service.refusals import HoldNotFound, HoldResolved, InsufficientCredits, KeyConflict, SettleExceedsHold
from nexusone.platform.runtime import Context

__all__ = [
    "HoldNotFound",
    "HoldResolved",
    "InsufficientCredits",
    "KeyConflict",
    "SettleExceedsHold",
    "get_balance",
    "hold",
    "release",
    "settle",
    "settle_part",
]


async def hold(ctx: Context, *, key: str, amount_micros: int, purpose: str, expires_in: timedelta) -> Hold:
    """Sets credits aside (more than none) under a key unique in the workspace; unresolved, they go back after `expires_in`.

    Raises:
        InsufficientCredits: with `available` and `needed` as decimal strings.
        KeyConflict: the key holds another amount or purpose.
    """
    return await holds.hold(ctx, key=key, amount_micros=amount_micros, purpose=purpose, expires_in=expires_in)


async def settle(ctx: Context, *, key: str, amount_micros: int) -> Hold:
    """Books the used amount, beyond what parts have settled, and gives the rest back to the grants it came from.

    After the hold expired, the amount is taken from what is available, and what is missing becomes overdraft.

    Raises:
        SettleExceedsHold: parts and amount are more than was held.
        HoldResolved: it was released, or settled with another amount.
        HoldNotFound: no such key.
    """
    return await holds.settle(ctx, key=key, amount_micros=amount_micros)


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


async def get_balance(ctx: Context) -> Balance:
    """The workspace's credits; zeros where none was ever granted."""
    return await balances.get_balance(ctx)
