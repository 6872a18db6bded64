"""Granting credits."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import credits_from_text
from nexusone.modules.billing.domain.amounts import AMOUNT_MICROS_MAX, check_amount, check_key
from nexusone.modules.billing.domain.sources import BURN_PRIORITY, GrantSource
from nexusone.modules.billing.events.ledger import CreditsGranted
from nexusone.modules.billing.service import watching
from nexusone.modules.billing.service.bookings import repay
from nexusone.modules.billing.service.refusals import KeyConflict
from nexusone.modules.billing.settings import BillingSettings
from nexusone.modules.billing.store import grants
from nexusone.modules.billing.store.grants import NewGrant
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


@dataclass(frozen=True, slots=True)
class Rollover:
    """What is left when a grant expires, at most `max_micros` (None: all), becomes a grant that ends at `until` for good."""

    until: datetime
    max_micros: int | None = None


async def grant_signup_credits(ctx: Context, *, key: str) -> None:
    """Grants a new workspace its first credits, once per key."""
    micros = credits_from_text(ctx.setting(BillingSettings).signup_credits)
    if micros > 0:
        await grant_alone(ctx, key=key, source="sign_up", amount_micros=micros)


async def grant(
    ctx: Context,
    tx: Transaction,
    *,
    key: str,
    source: GrantSource,
    amount_micros: int,
    priority: int | None,
    expires_at: datetime | None,
    rollover: Rollover | None = None,
) -> UUID:
    """Grants credits in the caller's transaction (of billing), once per key; answers the grant's id, of the first time too.

    `priority` None is the source's own: lower burns first, then what expires first, then the oldest. Overdraft is paid back
    from the new credits first. Take it late in the transaction: until the end nobody else books in the workspace.

    Raises:
        KeyConflict: the key granted another amount, or from another source.
    """
    check_key(key)
    check_amount(amount_micros, least=1, most=AMOUNT_MICROS_MAX)
    if rollover is not None and (expires_at is None or rollover.until <= expires_at):
        raise ValueError("what rolls over expires, and lives longer afterwards")
    wanted = NewGrant(
        workspace_id=ctx.workspace,
        key=key,
        source=source,
        priority=BURN_PRIORITY[source] if priority is None else priority,
        amount=amount_micros,
        now=ctx.now(),
        expires_at=expires_at,
        rolls_over_until=rollover.until if rollover else None,
        rollover_max=rollover.max_micros if rollover else None,
        grant_id=new_id(),
        transfer_id=new_id(),
    )
    opened = await grants.grant(tx, wanted)
    if opened is None:
        return await _known(tx, wanted)
    if opened.owes:
        await repay(ctx, tx)
    if opened.is_watched:
        await watching.look(ctx, tx)
    await publish(tx, CreditsGranted(grant_id=wanted.grant_id, source=source, amount_micros=amount_micros))
    return wanted.grant_id


async def grant_alone(
    ctx: Context, *, key: str, amount_micros: int, source: GrantSource, priority: int | None = None, expires_at: datetime | None = None
) -> UUID:
    """The same in a transaction of its own."""

    async def work(tx: Transaction) -> UUID:
        return await grant(ctx, tx, key=key, source=source, amount_micros=amount_micros, priority=priority, expires_at=expires_at)

    return await ctx.atomically("billing", work)


async def _known(tx: Transaction, wanted: NewGrant) -> UUID:
    known = await grants.fetch_granted(tx, workspace_id=wanted.workspace_id, key=wanted.key)
    if (known.amount, known.source) != (wanted.amount, wanted.source):
        raise KeyConflict(key=wanted.key)
    return known.grant_id
