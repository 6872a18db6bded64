"""What billing is told of campaigns: every mail once, the carrier's part, unknown outcomes, and whose cap they count against."""

from datetime import timedelta

import pytest
from tests.modules.marketing.sending.carrier import Crashed
from tests.modules.marketing.sending.shop import PRICE_MICROS, Shop
from tests.modules.marketing.sending.test_crashes import at_call, finish

from nexusone.kernel.errors import Unavailable
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.contracts.caps import CapsWish, CapWish
from nexusone.modules.billing.service import caps, expiry, margins, usage
from nexusone.modules.marketing.contracts import Campaign
from nexusone.modules.marketing.ports import HandOver, OutgoingEmail
from nexusone.modules.marketing.service import launching
from nexusone.modules.marketing.service.sending import accounting, closing, snapshot
from nexusone.modules.marketing.settings import MarketingSettings

SECOND = timedelta(seconds=1)
COST_NANO = 100_000


async def reported(shop: Shop) -> int:
    """How many mails billing knows of."""
    now = shop.clock.now()
    found = await usage.get_history(shop.ctx, code=accounting.METER, since=now - timedelta(days=300), until=now + SECOND)
    return found.total.value


def events(shop: Shop) -> int:
    """In how many events."""
    return len(shop.execute("select id from billing.usage_event where workspace_id = %s", (shop.ctx.workspace,)))


def reopen(shop: Shop, campaign: Campaign) -> None:
    """As it was before the last step of its closing."""
    shop.execute("update marketing.campaign set status = 'sending', closed_at = null, counts = null where id = %s", (campaign.id,))


def lost(_: OutgoingEmail) -> HandOver:
    return HandOver(outcome="unknown", reason="the line went dead")


async def kept(shop: Shop) -> int:
    """How often holds were kept."""
    rows = shop.execute("select 1 from platform.event where workspace_id = %s and name = 'billing.hold.kept.v1'", (shop.ctx.workspace,))
    return len(rows)


async def test_mails_are_reported_in_bulk_when_their_turn_is_over(shop: Shop) -> None:
    campaign = await shop.prepared(40)
    await shop.take_turn(campaign)
    assert (await reported(shop), events(shop)) == (40, 1)
    await shop.close(campaign)
    reopen(shop, campaign)
    await shop.close(campaign)
    assert (await reported(shop), events(shop)) == (40, 1)
    assert shop.execute("select 1 from marketing.mail_count where workspace_id = %s", (shop.ctx.workspace,)) == []


async def test_only_what_is_paid_for_counts(shop: Shop) -> None:
    campaign = await shop.prepared(4)

    def fate(email: OutgoingEmail) -> HandOver:
        if email.recipient.startswith("p0"):
            return HandOver(outcome="failed", code=550, reason="no such user")
        return HandOver(outcome="unknown" if email.recipient.startswith("p1") else "sent", code=250)

    shop.carrier.fate = fate
    await shop.drain()
    assert (await shop.campaign(campaign.id)).status == "sent"
    assert await reported(shop) == 3


@pytest.mark.parametrize("point", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 4])
async def test_a_turn_that_dies_loses_no_mail_and_counts_none_twice(shop: Shop, point: str, number: int) -> None:
    campaign = await shop.prepared(30)
    setattr(shop.carrier, point, at_call(number))
    with pytest.raises(ExceptionGroup):
        await shop.take_turn(campaign)
    done = await finish(shop, campaign)
    assert done.status == "sent"
    assert await reported(shop) == 30
    assert (await shop.balance()).spent_micros == 30 * PRICE_MICROS


async def test_a_report_whose_answer_was_lost_is_repeated_and_counts_once(shop: Shop) -> None:
    campaign = await shop.prepared(10)
    await shop.take_turn(campaign)
    [(identifier,)] = shop.execute("select id from billing.usage_event where workspace_id = %s", (shop.ctx.workspace,))
    turn_id = str(identifier).rpartition(":")[2]
    # The count was told, and the worker died before it was forgotten.
    shop.execute(
        "insert into marketing.mail_count select workspace_id, message_id, %s, 10, now() from marketing.campaign where id = %s",
        (turn_id, campaign.id),
    )
    await shop.close(campaign)
    assert await reported(shop) == 10


async def test_a_death_between_settling_and_reporting_loses_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = await shop.prepared(10)

    async def dies(*_: object, **__: object) -> None:
        raise Crashed

    with monkeypatch.context() as patched:
        patched.setattr(billing, "record_usage", dies)
        with pytest.raises(Crashed):
            await shop.take_turn(campaign)
        with pytest.raises(Crashed):
            await closing.close_campaign(shop.ctx, campaign_id=campaign.id)
    assert (await shop.balance()).spent_micros == 10 * PRICE_MICROS
    assert await reported(shop) == 0
    assert (await shop.close(campaign)).status == "sent"
    assert await reported(shop) == 10
    assert (await shop.balance()).spent_micros == 10 * PRICE_MICROS


async def test_a_billing_that_is_away_does_not_stop_mails(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = await shop.prepared(10)

    async def is_away(*_: object, **__: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(billing, "record_usage", is_away)
        await shop.take_turn(campaign)
    assert await reported(shop) == 0
    await shop.close(campaign)
    assert await reported(shop) == 10


@pytest.mark.parametrize("is_test", [False, True], ids=["live", "test"])
async def test_what_the_carrier_charges_is_in_the_margin_once(shop: Shop, is_test: bool) -> None:
    shop = shop.with_settings(MarketingSettings(email_cost_nano=COST_NANO))
    campaign = await shop.prepared(10)
    shop.execute("update marketing.campaign set is_test = %s where id = %s", (is_test, campaign.id))
    await shop.take_turn(campaign)
    for _ in range(2):
        await shop.close(campaign)
        reopen(shop, campaign)
    now = shop.clock.now()
    [row] = (await margins.get_margin(shop.ctx, since=now - SECOND, until=now + SECOND)).purposes
    assert (row.purpose, row.cost_nano) == (accounting.HOLD_PURPOSE, 0 if is_test else 10 * COST_NANO)
    # A tenth of a credit, at a hundred credits a dollar.
    assert row.earned_nano == 1_000_000


async def test_a_mail_of_unknown_fate_keeps_the_credits_from_the_sweeper_until_the_closing_settles_them_once(shop: Shop) -> None:
    campaign = await shop.prepared(400)

    calls: list[object] = []

    async def pause(batch: object) -> None:
        calls.append(batch)
        if len(calls) == 1:
            await launching.pause(shop.ctx, campaign_id=campaign.id)

    shop.carrier.after, shop.carrier.fate = pause, lost
    shop.clock.move(timedelta(days=30))
    await shop.take_turn(campaign)
    unknown = shop.states(campaign)["unknown"]
    assert 0 < unknown < 400
    await shop.drain()
    assert await kept(shop) == 1
    shop.clock.move(timedelta(days=31))
    await expiry.expire_holds(shop.ctx.runtime.system())
    assert (await shop.balance()).held_micros == 400 * PRICE_MICROS
    await launching.cancel(shop.ctx, campaign_id=campaign.id)
    for _ in range(2):
        await shop.close(campaign)
        await accounting.keep_credits(shop.ctx, campaign_id=campaign.id)
    balance = await shop.balance()
    assert (balance.spent_micros, balance.held_micros) == (unknown * PRICE_MICROS, 0)
    assert await reported(shop) == unknown
    assert await kept(shop) == 1


async def test_mails_that_a_lost_worker_left_unknown_keep_the_credits(shop: Shop) -> None:
    campaign = await shop.prepared(30)
    shop.carrier.after = at_call(1)
    with pytest.raises(ExceptionGroup):
        await shop.take_turn(campaign)
    shop.clock.move(timedelta(seconds=200))
    await shop.take_turn(campaign)
    assert shop.states(campaign)["unknown"] > 0
    queued = shop.execute("select 1 from queue.pgqueuer where dedupe_key like %s", (f"%keep_campaign_credits:{campaign.id}",))
    assert len(queued) == 1


async def test_mon_08_a_cap_for_each_job_fails_a_campaign_beyond_it(shop: Shop) -> None:
    wanted = [CapWish(scope="job", subject=None, period="ever", limit="0.05")]
    await caps.put_caps(shop.ctx, wanted=CapsWish(caps=wanted))
    campaign = await shop.prepared(6)
    assert (campaign.status, campaign.failure_reason) == ("failed", "billing.cap_reached")
    assert (await shop.balance()).held_micros == 0
    named = [*wanted, CapWish(scope="job", subject=None, period="day", limit="0.06")]
    await caps.put_caps(shop.ctx, wanted=CapsWish(caps=named[1:]))
    shop.execute("update marketing.campaign set status = 'preparing' where id = %s", (campaign.id,))
    await snapshot.prepare_campaign(shop.ctx, campaign_id=campaign.id)
    assert (await shop.campaign(campaign.id)).status == "sending"
