"""What all bookings share: one transaction each, again where another call with the same key came in between."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.store import grants
from nexusone.platform.database import Contended, Transaction
from nexusone.platform.runtime import Context

R = TypeVar("R")

ATTEMPTS_MAX = 5


class Overtaken(Exception):
    """Another transaction used the key while this one waited; undone, and now it can be seen."""


async def book(ctx: Context, work: Callable[[Transaction], Awaitable[R]]) -> R:
    """`work` in one transaction of billing, again when it was overtaken.

    Raises:
        Contended: it was overtaken every time.
    """
    for _ in range(ATTEMPTS_MAX):
        try:
            return await ctx.atomically("billing", work)
        except Overtaken:
            continue
    raise Contended


async def repay(ctx: Context, tx: Transaction) -> None:
    """Pays back overdraft from credits that have just come in."""
    await grants.repay_overdraft(tx, workspace_id=ctx.workspace, transfer_id=new_id(), now=ctx.now())
