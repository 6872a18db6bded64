"""What others' events make billing do, and its own."""

from typing import Any

from nexusone.modules.billing.events.invoices import InvoicePaid, InvoicePaymentFailed
from nexusone.modules.billing.events.ledger import BalanceLow, TopUpFailed, TopUpWanted
from nexusone.modules.billing.service import credits_mails, dunning, purchases
from nexusone.modules.billing.service.grants import grant_signup_credits
from nexusone.modules.identity.events import WorkspaceCreated
from nexusone.platform.events import Subscriber
from nexusone.platform.runtime import Context


async def open_ledger_for_new_workspace(ctx: Context, event: WorkspaceCreated) -> None:
    """Grants the first credits, once per event."""
    await grant_signup_credits(ctx.for_workspace(event.workspace_id), key=f"sign_up:{event.event_id}")


async def buy_credits_that_run_low(ctx: Context, event: TopUpWanted) -> None:
    """Charges the saved way to pay for further credits; the same event again charges nothing."""
    await purchases.top_up_when_low(ctx, key=str(event.event_id), credits_micros=event.wanted_micros)


async def tell_payers_of_low_balance(ctx: Context, event: BalanceLow) -> None:
    """Mails whoever pays; a repeated event may mail again, never not at all."""
    await credits_mails.tell_of_low_balance(ctx, event=event)


async def tell_payers_of_failed_top_up(ctx: Context, event: TopUpFailed) -> None:
    """Mails whoever pays; a repeated event may mail again, never not at all."""
    await credits_mails.tell_of_failed_top_up(ctx, event=event)


async def begin_or_heal_paid_subscription(ctx: Context, event: InvoicePaid) -> None:
    """Gives the plan with the first payment, and ends dunning; the same event again changes nothing."""
    await dunning.note_paid(ctx, event=event)


async def dun_for_failed_payment(ctx: Context, event: InvoicePaymentFailed) -> None:
    """Puts the subscription past due and plans the next try; each failure counts once."""
    await dunning.note_failed(ctx, event=event)


SUBSCRIBERS: tuple[Subscriber[Any], ...] = (
    Subscriber(event=BalanceLow, name="billing.tell_payers_of_low_balance", handler=tell_payers_of_low_balance),
    Subscriber(event=TopUpWanted, name="billing.buy_credits_that_run_low", handler=buy_credits_that_run_low),
    Subscriber(event=TopUpFailed, name="billing.tell_payers_of_failed_top_up", handler=tell_payers_of_failed_top_up),
    Subscriber(event=WorkspaceCreated, name="billing.open_ledger_for_new_workspace", handler=open_ledger_for_new_workspace),
    Subscriber(event=InvoicePaid, name="billing.begin_or_heal_paid_subscription", handler=begin_or_heal_paid_subscription),
    Subscriber(event=InvoicePaymentFailed, name="billing.dun_for_failed_payment", handler=dun_for_failed_payment),
)
