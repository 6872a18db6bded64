"""Pausing, resuming, cancelling, running out of credits, and people who leave while a campaign goes out."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest
from tests.modules.marketing.sending.shop import PRICE_MICROS, Shop

from nexusone.kernel.errors import NotFound
from nexusone.kernel.ids import new_id
from nexusone.modules.audience import api as audience
from nexusone.modules.billing.api import InsufficientCredits
from nexusone.modules.marketing.contracts import CampaignChange
from nexusone.modules.marketing.ports import HandOver, OutgoingEmail
from nexusone.modules.marketing.service import campaigns, launching
from nexusone.modules.marketing.service.refusals import (
    CampaignAlreadySent,
    CampaignNotDraft,
    CampaignNotPaused,
    CampaignNotSending,
    CampaignNotStoppable,
)
from nexusone.modules.marketing.service.sending import snapshot


async def test_a_paused_campaign_hands_nothing_over_until_it_is_resumed(shop: Shop) -> None:
    campaign = await shop.prepared(40)

    calls: list[int] = []
    gone_at_pause: list[int] = []

    async def pause_once(batch: Sequence[OutgoingEmail]) -> None:
        calls.append(len(batch))
        if len(calls) == 1:
            await launching.pause(shop.ctx, campaign_id=campaign.id)
            gone_at_pause.append(len(shop.carrier.taken))

    shop.carrier.after = pause_once
    await shop.take_turn(campaign)
    states = shop.states(campaign)
    assert set(states) == {"sent", "queued"}
    assert states["sent"] <= gone_at_pause[0] + shop.carrier.batch_size_max * shop.carrier.connections_max
    await shop.take_turn(campaign)
    assert shop.states(campaign) == states
    await launching.resume(shop.ctx, campaign_id=campaign.id)
    await shop.drain()
    assert (await shop.campaign(campaign.id)).status == "sent"
    assert len(shop.carrier.taken) == 40


async def test_a_cancelled_campaign_pays_for_what_went_out_and_no_more(shop: Shop) -> None:
    campaign = await shop.prepared(40)

    calls: list[int] = []

    async def cancel_once(batch: Sequence[OutgoingEmail]) -> None:
        calls.append(len(batch))
        if len(calls) == 1:
            await launching.cancel(shop.ctx, campaign_id=campaign.id)

    shop.carrier.after = cancel_once
    await shop.take_turn(campaign)
    done = await shop.close(campaign)
    sent = len(shop.carrier.taken)
    assert (done.status, done.progress.sent, done.progress.skipped) == ("cancelled", sent, {"cancelled": 40 - sent})
    balance = await shop.balance()
    assert (balance.spent_micros, balance.held_micros) == (sent * PRICE_MICROS, 0)
    assert balance.available_micros == (40 - sent) * PRICE_MICROS


async def test_a_campaign_cancelled_while_it_is_prepared_costs_nothing(shop: Shop) -> None:
    shop.add_contacts(5)
    await shop.add_credits(5 * PRICE_MICROS)
    campaign = await shop.add_campaign()
    await launching.send(shop.ctx, campaign_id=campaign.id)
    await launching.cancel(shop.ctx, campaign_id=campaign.id)
    await snapshot.prepare_campaign(shop.ctx, campaign_id=campaign.id)
    assert (await shop.close(campaign)).status == "cancelled"
    assert (await shop.balance()).available_micros == 5 * PRICE_MICROS
    assert shop.carrier.taken == []


async def test_states_that_do_not_fit_are_refused(shop: Shop) -> None:
    shop.add_contacts(2)
    await shop.add_credits(2 * PRICE_MICROS)
    campaign = await shop.add_campaign()
    with pytest.raises(CampaignNotSending):
        await launching.pause(shop.ctx, campaign_id=campaign.id)
    with pytest.raises(CampaignNotPaused):
        await launching.resume(shop.ctx, campaign_id=campaign.id)
    with pytest.raises(CampaignNotStoppable):
        await launching.cancel(shop.ctx, campaign_id=campaign.id)
    await launching.send(shop.ctx, campaign_id=campaign.id)
    with pytest.raises(CampaignAlreadySent):
        await launching.send(shop.ctx, campaign_id=campaign.id)
    with pytest.raises(CampaignNotDraft):
        await campaigns.delete_campaign(shop.ctx, campaign_id=campaign.id)
    with pytest.raises(CampaignNotDraft):
        await campaigns.change_campaign(shop.ctx, campaign_id=campaign.id, change=CampaignChange(name="X"), expected_version=None)


async def test_of_many_senders_at_once_one_sends(shop: Shop) -> None:
    shop.add_contacts(6)
    await shop.add_credits(60 * PRICE_MICROS)
    campaign = await shop.add_campaign()
    answers = await asyncio.gather(*(launching.send(shop.ctx, campaign_id=campaign.id) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(answer, CampaignAlreadySent) for answer in answers) == 5
    await shop.drain()
    assert len(shop.carrier.taken) == 6


async def test_without_the_credits_it_is_refused_and_stays_a_draft(shop: Shop) -> None:
    shop.add_contacts(5)
    await shop.add_credits(5 * PRICE_MICROS - 1)
    campaign = await shop.add_campaign()
    with pytest.raises(InsufficientCredits) as refused:
        await launching.send(shop.ctx, campaign_id=campaign.id)
    assert refused.value.data == {"available": "0.049999", "needed": "0.05"}
    assert (await shop.campaign(campaign.id)).status == "draft"


async def test_credits_that_are_gone_when_it_is_prepared_fail_it_with_the_reason(shop: Shop) -> None:
    shop.add_contacts(5)
    await shop.add_credits(5 * PRICE_MICROS)
    campaign = await shop.add_campaign()
    await launching.send(shop.ctx, campaign_id=campaign.id)
    shop.add_contacts(1, name="late")
    await shop.drain()
    done = await shop.campaign(campaign.id)
    assert (done.status, done.failure_reason) == ("failed", "billing.insufficient_credits")
    assert done.progress.skipped == {"campaign_failed": 6}
    assert shop.carrier.taken == []
    assert (await shop.balance()).available_micros == 5 * PRICE_MICROS


async def test_who_leaves_after_the_snapshot_gets_no_mail(shop: Shop) -> None:
    campaign = await shop.prepared(10)
    gone: list[UUID] = [
        row[0] for row in shop.execute("select id from audience.contact where workspace_id = %s limit 4", (shop.ctx.workspace,))
    ]
    await audience.record_unsubscribe(shop.ctx, contact_id=gone[0], channel="email", source="test", reason=None)
    shop.execute("update audience.contact set email_status = 'bounced' where id = %s", (gone[1],))
    shop.execute("update audience.contact set email = 'new@customer.example' where id = %s", (gone[2],))
    shop.execute("delete from audience.contact where id = %s", (gone[3],))
    await shop.drain()
    done = await shop.campaign(campaign.id)
    assert done.progress.skipped == {"unsubscribed": 1, "bounced": 1, "address_changed": 1, "contact_deleted": 1}
    assert (done.status, done.progress.sent, len(shop.carrier.taken)) == ("sent", 6, 6)
    assert (await shop.balance()).available_micros == 4 * PRICE_MICROS


async def test_an_empty_segment_ends_at_once_and_costs_nothing(shop: Shop) -> None:
    campaign = await shop.add_campaign()
    await launching.send(shop.ctx, campaign_id=campaign.id)
    await shop.drain()
    done = await shop.campaign(campaign.id)
    assert (done.status, done.recipients, done.credits_settled) == ("sent", 0, "0")


async def test_a_segment_that_is_gone_fails_the_campaign(shop: Shop) -> None:
    segment_id = shop.add_segment()
    campaign = await shop.add_campaign(segment_id=segment_id)
    await launching.send(shop.ctx, campaign_id=campaign.id)
    shop.execute("delete from audience.segment where id = %s", (segment_id,))
    await shop.drain()
    assert (await shop.campaign(campaign.id)).status == "failed"


async def test_unknown_ids_are_not_found(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await shop.add_campaign(segment_id=new_id())
    with pytest.raises(NotFound):
        await launching.send(shop.ctx, campaign_id=new_id())


async def test_a_template_changed_after_sending_changes_no_mail(shop: Shop) -> None:
    campaign = await shop.prepared(2)
    shop.execute("update marketing.template set version = 9 where id = %s", (campaign.template_id,))
    await shop.drain()
    assert len(shop.carrier.taken) == 2


async def test_refused_addresses_fail_with_the_carriers_words_and_are_not_paid_for(shop: Shop) -> None:
    campaign = await shop.prepared(4)

    def fate(email: OutgoingEmail) -> HandOver:
        if email.recipient.startswith("p0"):
            return HandOver(outcome="failed", code=550, reason="no such user")
        return HandOver(outcome="unknown" if email.recipient.startswith("p1") else "sent", code=250)

    shop.carrier.fate = fate
    await shop.drain()
    done = await shop.campaign(campaign.id)
    assert (done.progress.sent, done.progress.failed, done.progress.unknown) == (2, 1, 1)
    assert (await shop.balance()).spent_micros == 3 * PRICE_MICROS
    rows = shop.execute("select reason, code from marketing.delivery where workspace_id = %s and state = 'failed'", (shop.ctx.workspace,))
    assert rows == [("no such user", 550)]
    assert shop.states(campaign) == Counter(sent=2, failed=1, unknown=1)
