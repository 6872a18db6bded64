"""What becomes of the credits of a purchase whose money goes back, or is disputed.

Refund: what is unspent of its share is taken, what is missing is recorded; nobody is left with a debt by it. Dispute: what is
unspent is set aside while it is open, given back when it is won, taken when it is lost. Credits are taken from what the
workspace has, in burn order: a share of a purchase cannot be told from other credits once some were spent. A refund that came back
from the payer's bank gives back what it took.
"""

from datetime import timedelta
from uuid import UUID

from nexusone.modules.billing.events.payments import RefundCreditsTaken
from nexusone.modules.billing.service import balances, holds
from nexusone.modules.billing.service.grants import grant
from nexusone.modules.billing.service.refusals import InsufficientCredits
from nexusone.modules.billing.store import payments, payments_refunds
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

TAKING_LASTS = timedelta(hours=1)
DISPUTES_LAST = timedelta(days=400)
ATTEMPTS_MAX = 20


async def take_back(ctx: Context, *, refund_id: UUID) -> None:
    """Takes the credits of a refund that succeeded, once; gives them back where it failed after all."""
    async with ctx.transaction("billing") as tx:
        row = await payments_refunds.find_refund(tx, workspace_id=ctx.workspace, refund_id=refund_id)
        key = f"refund:{refund_id}"
        begun = await payments_refunds.find_held(tx, workspace_id=ctx.workspace, key=key)
    if row is None:
        return
    if row.credits_taken_micros is not None or (row.state != "succeeded" and begun is None):
        await _give_back(ctx, refund_id=refund_id)
        return
    # What an earlier try began before the refund failed is brought to its end, and then given back.
    taken = await _set_aside(ctx, key=key, wanted=row.credits_due_micros, lasts=TAKING_LASTS, purpose="refund")
    if taken > 0:
        await holds.settle(ctx, key=key, amount_micros=taken)
    async with ctx.transaction("billing") as tx:
        await payments.lock_payment(tx, workspace_id=ctx.workspace, payment_id=row.payment_id)
        known = await payments_refunds.find_refund(tx, workspace_id=ctx.workspace, refund_id=refund_id)
        if known is None or known.credits_taken_micros is not None:
            # Another try was faster, and gives back as well.
            return
        await payments_refunds.take_credits(tx, workspace_id=ctx.workspace, refund_id=refund_id, taken=taken)
        missed = row.credits_due_micros - taken
        told = RefundCreditsTaken(refund_id=refund_id, payment_id=row.payment_id, taken_micros=taken, missed_micros=missed)
        await publish(tx, told)
    await _give_back(ctx, refund_id=refund_id)


async def _give_back(ctx: Context, *, refund_id: UUID) -> None:
    async def work(tx: Transaction) -> None:
        row = await payments_refunds.find_refund(tx, workspace_id=ctx.workspace, refund_id=refund_id)
        if row is None or row.state != "failed" or not row.credits_taken_micros:
            return
        await payments.lock_payment(tx, workspace_id=ctx.workspace, payment_id=row.payment_id)
        await payments_refunds.take_credits(tx, workspace_id=ctx.workspace, refund_id=refund_id, taken=0)
        amount = row.credits_taken_micros
        await grant(ctx, tx, key=f"refund_failed:{refund_id}", source="purchase", amount_micros=amount, priority=None, expires_at=None)

    await ctx.atomically("billing", work)


async def follow_dispute(ctx: Context, *, dispute_id: UUID) -> None:
    """Sets credits aside for a dispute, and gives them back or takes them when it is decided."""
    async with ctx.transaction("billing") as tx:
        dispute = await payments_refunds.find_dispute(tx, workspace_id=ctx.workspace, dispute_id=dispute_id)
        payment = None
        if dispute is not None:
            payment = await payments.find_payment(tx, workspace_id=ctx.workspace, payment_id=dispute.payment_id)
    if dispute is None or payment is None or payment.credits_micros is None:
        return
    key, held = f"dispute:{dispute_id}", dispute.credits_held_micros
    if held is None:
        held = await _set_aside(ctx, key=key, wanted=payment.credits_micros, lasts=DISPUTES_LAST, purpose="dispute")
        async with ctx.transaction("billing") as tx:
            await payments_refunds.hold_credits(tx, workspace_id=ctx.workspace, dispute_id=dispute_id, held=held)
    if held > 0 and dispute.state == "won":
        await holds.release(ctx, key=key)
    elif held > 0 and dispute.state == "lost":
        await holds.settle(ctx, key=key, amount_micros=held)


async def _set_aside(ctx: Context, *, key: str, wanted: int, lasts: timedelta, purpose: str) -> int:
    async with ctx.transaction("billing") as tx:
        known = await payments_refunds.find_held(tx, workspace_id=ctx.workspace, key=key)
    if known is not None:
        return known
    for _ in range(ATTEMPTS_MAX):
        amount = min(wanted, (await balances.get_balance(ctx)).available_micros)
        if amount <= 0:
            return 0
        try:
            return (await holds.hold(ctx, key=key, amount_micros=amount, purpose=purpose, expires_in=lasts)).amount_micros
        except InsufficientCredits:
            # Somebody spent in between; what is left now is taken.
            continue
    return 0
