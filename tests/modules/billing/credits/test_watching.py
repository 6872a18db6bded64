"""Low balances: told once each time a threshold is crossed, live and by mail; more is bought where that is wanted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.conftest import ContextMaker
from tests.customers import Customer
from tests.modules.billing.credits.ledgers import HOUR, Ledger, ledger_of
from tests.modules.billing.subscriptions.subscribed import company

from nexusone.kernel.money import credits_to_text
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.caps import AlertsWish, TopUpWish
from nexusone.modules.billing.events.ledger import BalanceLow
from nexusone.modules.billing.service import expiry, grants, watching
from nexusone.modules.billing.service.credits_mails import tell_of_low_balance
from nexusone.modules.identity.ports import SystemMail, SystemMailer
from nexusone.platform.runtime import Runtime


async def told(ledger: Ledger) -> list[int]:
    """The thresholds that were announced, in order."""
    return [event.payload["threshold_micros"] for event in await ledger.events("billing.balance.low.v1")]


async def wanted(ledger: Ledger) -> list[int]:
    """The top-ups that were asked for, in order."""
    return [event.payload["wanted_micros"] for event in await ledger.events("billing.topup.wanted.v1")]


async def alert(ledger: Ledger, *micros: int) -> None:
    await watching.put_alerts(ledger.ctx, wanted=AlertsWish(thresholds=[credits_to_text(each) for each in micros]))


async def top_up(ledger: Ledger, *, threshold: int, amount: int, most: int, is_enabled: bool = True) -> None:
    terms = TopUpWish(
        is_enabled=is_enabled,
        threshold=credits_to_text(threshold),
        amount=credits_to_text(amount),
        monthly_maximum=credits_to_text(most),
    )
    await watching.put_top_up(ledger.ctx, wanted=terms)


async def test_a_threshold_is_told_once_when_it_is_crossed(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await alert(ledger, 50, 20)
    await ledger.spend(50)
    assert await told(ledger) == []
    await ledger.spend(1)
    await ledger.spend(1)
    assert await told(ledger) == [50]
    await ledger.spend(30)
    assert await told(ledger) == [50, 20]


async def test_one_booking_that_crosses_several_tells_of_each(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await alert(ledger, 20, 50)
    await ledger.spend(95)
    assert await told(ledger) == [50, 20]


async def test_a_hold_that_is_released_has_crossed_nothing(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await alert(ledger, 50)
    await api.hold(ledger.ctx, key="k", amount_micros=90, purpose="text", expires_in=HOUR)
    await api.release(ledger.ctx, key="k")
    assert await told(ledger) == []


async def test_new_credits_arm_a_threshold_again(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await alert(ledger, 50)
    for number in range(2):
        await ledger.spend(60)
        await grants.grant_alone(ledger.ctx, key=f"more{number}", amount_micros=60, source="purchase")
    assert await told(ledger) == [50, 50]


async def test_credits_that_expire_cross_a_threshold_too(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 10)
    ends = ledger.clock.now() + HOUR
    await grants.grant_alone(ledger.ctx, key="short", amount_micros=90, source="promotion", expires_at=ends)
    await alert(ledger, 50)
    ledger.clock.move(2 * HOUR)
    await expiry.expire_grants(ledger.ctx)
    assert await told(ledger) == [50]


async def test_a_threshold_that_is_set_below_the_water_waits_until_it_was_above(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 10)
    await alert(ledger, 50)
    await ledger.spend(1)
    assert await told(ledger) == []


async def test_low_credits_ask_for_more_once_until_they_have_come(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await top_up(ledger, threshold=50, amount=200, most=1000)
    for _ in range(3):
        await ledger.spend(20)
    assert await wanted(ledger) == [200]
    await ledger.spend(20)
    assert await wanted(ledger) == [200]
    await grants.grant_alone(ledger.ctx, key="bought", amount_micros=200, source="purchase")
    await ledger.spend(190)
    assert await wanted(ledger) == [200, 200]


async def test_where_credits_are_low_already_more_are_wanted_at_once(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 10)
    await top_up(ledger, threshold=50, amount=100, most=100)
    await top_up(ledger, threshold=50, amount=100, most=100)
    assert await wanted(ledger) == [100]


async def test_a_month_asks_for_no_more_than_its_maximum_and_the_next_asks_again(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await top_up(ledger, threshold=50, amount=100, most=150)
    for number in range(3):
        await ledger.spend(90)
        await grants.grant_alone(ledger.ctx, key=f"more{number}", amount_micros=90, source="promotion")
    assert await wanted(ledger) == [100]
    await ledger.spend(90)
    await watching.renew_top_ups(ledger.ctx)
    assert await wanted(ledger) == [100]
    ledger.clock.move(timedelta(days=31))
    await watching.renew_top_ups(ledger.ctx)
    assert await wanted(ledger) == [100, 100]
    assert (await watching.get_top_up(ledger.ctx)).wanted_this_month == credits_to_text(100)


async def test_a_top_up_that_is_off_asks_for_nothing(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await top_up(ledger, threshold=50, amount=100, most=150, is_enabled=False)
    await ledger.spend(90)
    assert await wanted(ledger) == []


class Outbox:
    """A SystemMailer that keeps what it took."""

    def __init__(self) -> None:
        self.mails: list[SystemMail] = []

    async def send(self, mail: SystemMail) -> None:
        self.mails.append(mail)


@pytest.mark.parametrize("locale", ["en", "de", "es", "fr", "ar"])
async def test_whoever_is_billed_is_mailed_in_their_language(make_context: ContextMaker, locale: str) -> None:
    here = await company(make_context, locale=locale)
    outbox = Outbox()
    runtime = here.ctx.runtime
    ctx = replace(here.ctx, runtime=replace(runtime, ports={**runtime.ports, SystemMailer: outbox}))
    await tell_of_low_balance(ctx, event=BalanceLow(threshold_micros=50_000_000, unspent_micros=12_500_000))
    (mail,) = outbox.mails
    assert (mail.recipient, mail.locale) == ("accounts@example.com", locale)
    assert "12.5" in mail.subject
    assert "50" in mail.text
    assert "/billing" in mail.text


async def test_without_a_billing_profile_the_owner_is_mailed(customer: Customer, runtime: Runtime) -> None:
    outbox = Outbox()
    ctx = replace(runtime, ports={**runtime.ports, SystemMailer: outbox}).system(customer.workspace_id)
    await tell_of_low_balance(ctx, event=BalanceLow(threshold_micros=50_000_000, unspent_micros=-1))
    assert [mail.recipient for mail in outbox.mails] == [customer.email]
