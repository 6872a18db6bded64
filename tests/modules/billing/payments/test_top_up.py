"""Automatic top-up, whole: a settle crosses the threshold, the saved way to pay is charged, credits come. At both vendors."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from tests.modules.billing.payments.shops import Shop

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import MICROS_PER_CREDIT
from nexusone.kernel.page import PageRequest
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.caps import TopUpWish
from nexusone.modules.billing.contracts.payments import Payment
from nexusone.modules.billing.events.ledger import TopUpFailed
from nexusone.modules.billing.service import credits_mails, watching
from nexusone.modules.billing.service import payments as reading
from nexusone.modules.billing.service.verification import verify
from nexusone.modules.identity.ports import SystemMail, SystemMailer
from nexusone.platform.events import LoggedEvent, list_events_after

HOUR = timedelta(hours=1)
NOBODY_TRIES_AGAIN = 4


async def wish(shop: Shop, *, threshold: int = 500, amount: int = 1000, most: int = 5000, is_enabled: bool = True) -> None:
    wanted = TopUpWish(is_enabled=is_enabled, threshold=str(threshold), amount=str(amount), monthly_maximum=str(most))
    await watching.put_top_up(shop.ctx, wanted=wanted)


async def spend(shop: Shop, spent: int) -> None:
    key = new_id().hex
    await api.hold(shop.ctx, key=key, amount_micros=spent * MICROS_PER_CREDIT, purpose="text", expires_in=HOUR)
    await api.settle(shop.ctx, key=key, amount_micros=spent * MICROS_PER_CREDIT)


async def top_ups(shop: Shop) -> list[Payment]:
    listed = await reading.list_payments(shop.ctx, request=PageRequest(limit=100))
    return [one for one in listed.items if one.purpose == "topup"]


async def told(shop: Shop, name: str) -> list[LoggedEvent]:
    found = await list_events_after(shop.ctx, after=UUID(int=0), limit=1000)
    return [event for event in found if event.name == name]


async def test_mon_06_credits_that_run_low_are_bought_with_the_saved_way_to_pay(shop: Shop) -> None:
    await shop.saved()
    await wish(shop)
    await spend(shop, 1500)
    await shop.work()
    assert await top_ups(shop) == []
    await spend(shop, 1)
    await shop.work()
    (payment,) = await top_ups(shop)
    assert (payment.state, payment.credits) == ("captured", "1000")
    assert payment.invoice_id is not None
    assert await shop.invoice_state(str(payment.invoice_id)) == "paid"
    assert (await shop.credits())["available"] == "1499"
    assert await verify(shop.ctx) == []


async def test_one_crossing_is_one_payment_however_often_it_is_told(shop: Shop) -> None:
    await shop.saved()
    await wish(shop)
    await spend(shop, 1400)
    await asyncio.gather(*(spend(shop, 20) for _ in range(10)))
    for _ in range(2):
        await shop.work()
        await shop.wait(hours=1)
    assert [one.state for one in await top_ups(shop)] == ["captured"]
    assert (await shop.credits())["available"] == "1400"


async def test_the_monthly_maximum_is_exact_whatever_happens_at_once(shop: Shop) -> None:
    await shop.saved()
    await spend(shop, 1900)
    # Each other threshold is a wish of its own, which arms it anew: only the maximum is left to stop it.
    await asyncio.gather(*(wish(shop, threshold=50_000 + number, most=3000) for number in range(12)), *(spend(shop, 1) for _ in range(12)))
    await shop.work()
    for number in range(4):
        await wish(shop, threshold=60_000 + number, most=3000)
        await shop.work()
    assert [one.state for one in await top_ups(shop)] == ["captured"] * 3
    assert (await watching.get_top_up(shop.ctx)).wanted_this_month == "3000"
    assert (await shop.credits())["available"] == str(100 - 12 + 3000)
    assert await verify(shop.ctx) == []


async def test_a_decline_is_told_and_not_tried_again(shop: Shop) -> None:
    await shop.saved(way="pay_declines_later")
    await wish(shop)
    await spend(shop, 1600)
    await shop.work()
    for _ in range(NOBODY_TRIES_AGAIN):
        await spend(shop, 10)
        await shop.wait(hours=1)
    (payment,) = await top_ups(shop)
    assert (payment.state, payment.failure) == ("failed", "insufficient_funds")
    (failed,) = await told(shop, "billing.topup.failed.v1")
    assert failed.payload["reason"] == "insufficient_funds"
    assert failed.payload["payment_id"] == str(payment.id)
    assert (await shop.credits())["available"] == "360"


async def test_where_nothing_can_be_charged_that_is_told(shop: Shop) -> None:
    await shop.work()
    await wish(shop)
    await spend(shop, 600)
    await shop.work()
    await spend(shop, 10)
    await shop.work()
    assert await top_ups(shop) == []
    (failed,) = await told(shop, "billing.topup.failed.v1")
    assert (failed.payload["reason"], failed.payload["payment_id"]) == ("no_payment_method", None)


class Outbox:
    """A SystemMailer that keeps what it took."""

    def __init__(self) -> None:
        self.mails: list[SystemMail] = []

    async def send(self, mail: SystemMail) -> None:
        self.mails.append(mail)


async def test_whoever_pays_is_mailed_that_it_failed(shop: Shop) -> None:
    outbox, runtime = Outbox(), shop.ctx.runtime
    ctx = replace(shop.ctx, runtime=replace(runtime, ports={**runtime.ports, SystemMailer: outbox}))
    failed = TopUpFailed(wanted_micros=1_000 * MICROS_PER_CREDIT, payment_id=None, reason="declined")
    await credits_mails.tell_of_failed_top_up(ctx, event=failed)
    (mail,) = outbox.mails
    assert mail.recipient == "accounts@example.com"
    assert "1000" in mail.text
    assert "/billing" in mail.text
