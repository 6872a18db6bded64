"""A campaign takes the messages its plan allows, all or none, and gives back those that never left."""

import pytest
from tests.modules.billing.plans.offers import limited, offered, put_on
from tests.modules.marketing.sending.shop import PRICE_MICROS, Shop

from nexusone.modules.billing import api as billing
from nexusone.modules.billing.service import entitlements
from nexusone.modules.marketing.service import launching
from nexusone.modules.marketing.service.quota import MESSAGES
from nexusone.modules.marketing.service.sending import snapshot


async def used(shop: Shop) -> int:
    """How many messages count this month."""
    return await entitlements.used_of(shop.ctx, await billing.get_allowance(shop.ctx, feature=MESSAGES))


async def allow(shop: Shop, messages: int) -> None:
    """The shop's plan allows so many in a month."""
    await put_on(shop.ctx, await offered(shop.ctx.runtime, {MESSAGES: limited(messages)}))


async def test_a_campaign_that_is_too_large_is_refused_at_once(shop: Shop) -> None:
    await allow(shop, 9)
    shop.add_contacts(10)
    await shop.add_credits(10 * PRICE_MICROS)
    campaign = await shop.add_campaign()
    with pytest.raises(billing.NotInPlan) as refused:
        await launching.send(shop.ctx, campaign_id=campaign.id)
    assert (refused.value.data["used"], refused.value.data["limit"], refused.value.data["wanted"]) == (0, 9, 10)
    assert (await shop.campaign(campaign.id)).status == "draft"


async def test_what_another_took_meanwhile_fails_the_campaign_and_holds_nothing(shop: Shop) -> None:
    await allow(shop, 10)
    shop.add_contacts(10)
    await shop.add_credits(10 * PRICE_MICROS)
    campaign = await shop.add_campaign()
    await launching.send(shop.ctx, campaign_id=campaign.id)
    await billing.take_entitlement(shop.ctx, feature=MESSAGES, quantity=1, key="another campaign")
    await snapshot.prepare_campaign(shop.ctx, campaign_id=campaign.id)
    assert (await shop.campaign(campaign.id)).status == "failed"
    await shop.close(campaign)
    assert (await shop.balance()).held_micros == 0
    assert await used(shop) == 1


async def test_a_campaign_takes_its_messages_once(shop: Shop) -> None:
    await allow(shop, 10)
    campaign = await shop.prepared(10)
    assert await used(shop) == 10
    shop.execute("update marketing.campaign set status = 'preparing' where id = %s", (campaign.id,))
    await snapshot.prepare_campaign(shop.ctx, campaign_id=campaign.id)
    assert (await shop.campaign(campaign.id)).status == "sending"
    assert await used(shop) == 10


async def test_a_cancelled_campaign_gives_back_what_never_left(shop: Shop) -> None:
    await allow(shop, 10)
    campaign = await shop.prepared(10)
    await launching.cancel(shop.ctx, campaign_id=campaign.id)
    await shop.close(campaign)
    assert await used(shop) == 0
