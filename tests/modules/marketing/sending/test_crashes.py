"""A worker dies at any point: nobody is mailed twice, nobody is lost, and only what was being handed over is unknown."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypedDict
from uuid import UUID

import pytest
from tests.modules.marketing.sending.carrier import Carrier, Crashed
from tests.modules.marketing.sending.shop import PRICE_MICROS, Shop

from nexusone.kernel.ids import new_id
from nexusone.modules.marketing.contracts import Campaign
from nexusone.modules.marketing.ports import OutgoingEmail
from nexusone.modules.marketing.service import launching
from nexusone.modules.marketing.service.sending import snapshot
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.modules.marketing.store import deliveries
from nexusone.modules.marketing.store.deliveries import ClaimedRow, Outcome

LEASE = timedelta(seconds=200)


class Message(TypedDict):
    workspace_id: UUID
    message_id: UUID


def at_call(number: int) -> Callable[[Sequence[OutgoingEmail]], Awaitable[None]]:
    calls = 0

    async def maybe(batch: Sequence[OutgoingEmail]) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            raise Crashed

    return maybe


async def finish(shop: Shop, campaign: Campaign) -> Campaign:
    """What workers do after a crash, once the leases have ended."""
    shop.carrier.before = shop.carrier.after = Carrier().before
    shop.clock.move(LEASE)
    await shop.take_turn(campaign)
    return await shop.close(campaign)


async def claim(shop: Shop, campaign: Campaign, limit: int = 100) -> list[ClaimedRow]:
    now = shop.ctx.now()
    async with shop.ctx.transaction("marketing") as tx:
        return await deliveries.claim(
            tx,
            workspace_id=shop.ctx.workspace,
            message_id=message_of(shop, campaign),
            limit=limit,
            now=now,
            lease_until=now + timedelta(seconds=45),
        )


def message_of(shop: Shop, campaign: Campaign) -> UUID:
    return UUID(str(shop.execute("select message_id from marketing.campaign where id = %s", (campaign.id,))[0][0]))


def no_doubles(shop: Shop) -> bool:
    return max(Counter(email.recipient for email in shop.carrier.taken).values(), default=0) <= 1


async def test_after_a_claim_everything_goes_back_and_goes_out_once(shop: Shop) -> None:
    campaign = await shop.prepared(10)
    assert len(await claim(shop, campaign)) == 10
    done = await finish(shop, campaign)
    assert shop.states(campaign) == Counter(sent=10)
    assert len(shop.carrier.taken) == 10 and no_doubles(shop)
    assert done.status == "sent"


@pytest.mark.parametrize("point", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 4])
async def test_around_a_hand_over_only_its_batches_are_unknown(shop: Shop, point: str, number: int) -> None:
    campaign = await shop.prepared(30)
    setattr(shop.carrier, point, at_call(number))
    with pytest.raises(ExceptionGroup):
        await shop.take_turn(campaign)
    done = await finish(shop, campaign)
    states = shop.states(campaign)
    assert states["sent"] + states["unknown"] == 30
    assert 1 <= states["unknown"] <= shop.carrier.batch_size_max * shop.carrier.connections_max
    assert no_doubles(shop)
    arrived = len(shop.carrier.taken)
    assert states["sent"] <= arrived <= states["sent"] + states["unknown"]
    assert (done.status, done.progress.unknown) == ("sent", states["unknown"])
    assert (await shop.balance()).spent_micros == 30 * PRICE_MICROS


async def test_during_the_snapshot_the_next_try_goes_on(shop: Shop) -> None:
    shop = shop.with_settings(MarketingSettings(snapshot_part_size=4))
    shop.add_contacts(13)
    await shop.add_credits(13 * PRICE_MICROS)
    campaign = await shop.add_campaign()
    await launching.send(shop.ctx, campaign_id=campaign.id)
    shop.execute("update marketing.campaign set snapshot_parts_done = 2 where id = %s", (campaign.id,))
    await snapshot.prepare_campaign(shop.ctx, campaign_id=campaign.id)
    half = sum(shop.states(campaign).values())
    assert 0 < half < 13
    # The parts that were skipped here, written by the try before.
    shop.execute(
        "update marketing.campaign set status = 'preparing', snapshot_parts_done = 0, snapshot_at = null, hold_key = 'again' where id = %s",
        (campaign.id,),
    )
    await shop.add_credits(13 * PRICE_MICROS)
    await snapshot.prepare_campaign(shop.ctx, campaign_id=campaign.id)
    assert shop.states(campaign) == Counter(queued=13)


async def test_preparing_twice_holds_once_and_adds_nobody(shop: Shop) -> None:
    campaign = await shop.prepared(10)
    await snapshot.prepare_campaign(shop.ctx, campaign_id=campaign.id)
    assert shop.states(campaign) == Counter(queued=10)
    assert (await shop.balance()).held_micros == 10 * PRICE_MICROS


async def test_after_the_hold_the_next_try_starts_the_campaign_with_the_same_hold(shop: Shop) -> None:
    campaign = await shop.prepared(10)
    shop.execute("update marketing.campaign set status = 'preparing' where id = %s", (campaign.id,))
    await snapshot.prepare_campaign(shop.ctx, campaign_id=campaign.id)
    assert (await shop.campaign(campaign.id)).status == "sending"
    balance = await shop.balance()
    assert (balance.held_micros, balance.available_micros) == (10 * PRICE_MICROS, 0)


async def test_closing_twice_settles_once(shop: Shop) -> None:
    campaign = await shop.prepared(10)
    await shop.take_turn(campaign)
    first = await shop.close(campaign)
    assert await shop.close(campaign) == first
    # Between settling and writing it down: the next try settles the same.
    shop.execute("update marketing.campaign set status = 'sending', closed_at = null, counts = null where id = %s", (campaign.id,))
    again = await shop.close(campaign)
    assert (again.status, again.credits_settled) == ("sent", "0.1")
    assert (await shop.balance()).spent_micros == 10 * PRICE_MICROS
    events = shop.execute(
        "select name from platform.event where workspace_id = %s and name like %s", (shop.ctx.workspace, "%campaign.sent%")
    )
    assert len(events) == 2


async def test_a_worker_that_comes_back_late_changes_nothing(shop: Shop) -> None:
    campaign = await shop.prepared(3)
    stale = await claim(shop, campaign)
    shop.clock.move(LEASE)
    await shop.take_turn(campaign)
    now = shop.ctx.now()
    message: Message = {"workspace_id": shop.ctx.workspace, "message_id": message_of(shop, campaign)}
    outcomes = [Outcome(row.contact_id, 0, row.fence, "failed", "late", 550, None, 1, now, now) for row in stale]
    async with shop.ctx.transaction("marketing") as tx:
        assert await deliveries.mark_handing_over(tx, stale, **message, now=now, lease_until=now + LEASE) == set()
        assert await deliveries.write_outcomes(tx, outcomes, **message, turn_id=new_id(), now=now) == 0
        assert await deliveries.give_back(tx, stale, **message) == 0
    assert shop.states(campaign) == Counter(sent=3)


async def test_a_worker_whose_lease_ended_hands_nothing_over(shop: Shop) -> None:
    campaign = await shop.prepared(3)
    stale = await claim(shop, campaign)
    shop.clock.move(timedelta(seconds=46))
    now = shop.ctx.now()
    async with shop.ctx.transaction("marketing") as tx:
        allowed = await deliveries.mark_handing_over(
            tx, stale, workspace_id=shop.ctx.workspace, message_id=message_of(shop, campaign), now=now, lease_until=now + LEASE
        )
    assert allowed == set()


async def test_two_workers_at_once_mail_everybody_once(shop: Shop) -> None:
    campaign = await shop.prepared(60)
    rows = await claim(shop, campaign, limit=20)
    others = await claim(shop, campaign, limit=20)
    assert not {row.contact_id for row in rows} & {row.contact_id for row in others}
    await shop.take_turn(campaign)
    shop.clock.move(LEASE)
    await shop.take_turn(campaign)
    assert shop.states(campaign) == Counter(sent=60)
    assert no_doubles(shop)
