"""Carriers that defer, and carriers that are not there."""

import asyncio
import socket
from collections import Counter
from datetime import timedelta

from tests.modules.marketing.sending.conftest import ShopMaker
from tests.modules.marketing.sending.shop import PRICE_MICROS, Shop

from nexusone.modules.marketing.ports import HandOver, OutgoingEmail
from nexusone.modules.marketing.service.sending.watch import watch_campaigns
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.providers.smtp.address import parse_address
from nexusone.providers.smtp.transport import SmtpTransport

DAY = timedelta(days=1)


def busy(_: OutgoingEmail) -> HandOver:
    return HandOver(outcome="deferred", code=451, reason="try later")


def absent(_: OutgoingEmail) -> HandOver:
    return HandOver(outcome="deferred", reason="connection refused")


async def test_a_deferred_mail_goes_out_later(shop: Shop) -> None:
    campaign = await shop.prepared(3)
    shop.carrier.fate = busy
    await shop.take_turn(campaign)
    assert shop.states(campaign) == Counter(queued=3)
    await shop.take_turn(campaign)
    assert shop.execute("select distinct attempts, reason from marketing.delivery where workspace_id = %s", (shop.ctx.workspace,)) == [
        (1, "try later")
    ]
    shop.carrier.fate = type(shop.carrier)().fate
    shop.clock.move(DAY)
    await shop.take_turn(campaign)
    assert shop.states(campaign) == Counter(sent=3)


async def test_after_the_last_attempt_it_has_failed_with_the_reason(shop: Shop) -> None:
    shop = shop.with_settings(MarketingSettings(attempts_max=3))
    campaign = await shop.prepared(2)
    shop.carrier.fate = busy
    for _ in range(3):
        await shop.take_turn(campaign)
        shop.clock.move(timedelta(hours=2))
    assert shop.states(campaign) == Counter(failed=2)
    done = await shop.close(campaign)
    assert (done.status, done.credits_settled) == ("sent", "0")
    assert (await shop.balance()).available_micros == 2 * PRICE_MICROS


async def test_without_the_carrier_nothing_is_lost_and_the_campaign_says_why(shop: Shop) -> None:
    campaign = await shop.prepared(50)
    shop.carrier.fate = absent
    for _ in range(12):
        await shop.take_turn(campaign)
        shop.clock.move(timedelta(minutes=10))
    waiting = await shop.campaign(campaign.id)
    assert (waiting.status, waiting.last_error) == ("sending", "connection refused")
    assert shop.states(campaign) == Counter(queued=50)
    shop.carrier.fate = type(shop.carrier)().fate
    await shop.take_turn(campaign)
    done = await shop.close(campaign)
    assert (done.status, done.progress.sent, done.last_error) == ("sent", 50, None)


async def test_a_real_server_that_is_not_there_leaves_everything_queued(make_shop: ShopMaker) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    transport = SmtpTransport(parse_address(f"smtp://127.0.0.1:{port}"))
    shop = make_shop(transport)
    campaign = await shop.prepared(5)
    await shop.take_turn(campaign)
    waiting = await shop.campaign(campaign.id)
    assert waiting.status == "sending" and waiting.last_error
    assert shop.states(campaign) == Counter(queued=5)
    await transport.close()


async def test_a_carrier_that_stays_away_for_days_ends_the_wait(shop: Shop) -> None:
    campaign = await shop.prepared(2)
    shop.carrier.fate = absent
    shop.clock.move(timedelta(hours=73))
    await shop.take_turn(campaign)
    assert shop.states(campaign) == Counter(failed=2)


async def test_an_answer_that_does_not_come_is_unknown(shop: Shop) -> None:
    shop = shop.with_settings(MarketingSettings(hand_over_seconds=1))
    campaign = await shop.prepared(3)

    async def hang(_: object) -> None:
        await asyncio.sleep(30)

    shop.carrier.before = hang
    await shop.take_turn(campaign)
    assert shop.states(campaign) == Counter(unknown=3)


async def test_no_more_hand_overs_run_at_once_than_there_are_connections(shop: Shop) -> None:
    campaign = await shop.prepared(120)

    async def wait(_: object) -> None:
        await asyncio.sleep(0.002)

    shop.carrier.before = wait
    await asyncio.gather(*(shop.take_turn(campaign, lane=lane) for lane in range(3)))
    assert shop.states(campaign) == Counter(sent=120)
    assert 1 < shop.carrier.busy_most <= shop.carrier.connections_max


async def test_the_watch_picks_up_what_nobody_works_on(shop: Shop) -> None:
    campaign = await shop.prepared(7)
    shop.execute("delete from queue.pgqueuer where entrypoint = 'marketing.send_campaign'", ())
    await watch_campaigns(shop.ctx.runtime.system())
    await watch_campaigns(shop.ctx.runtime.system())
    await shop.drain()
    assert (await shop.campaign(campaign.id)).status == "sent"
    assert len(shop.carrier.taken) == 7
