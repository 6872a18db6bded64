"""A campaign over real SMTP sockets into the simulated server's inbox."""

from pathlib import Path

from tests.modules.marketing.sending.conftest import ShopMaker

from nexusone.kernel.clock import SystemClock
from nexusone.modules.marketing.service import launching
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.providers.smtp.address import parse_address
from nexusone.providers.smtp.simulation.house import House
from nexusone.providers.smtp.simulation.inbox import Inbox
from nexusone.providers.smtp.simulation.server import listen
from nexusone.providers.smtp.transport import SmtpTransport

MAILS = 300


async def test_the_inbox_holds_exactly_the_mails_that_the_preflight_promised(make_shop: ShopMaker, tmp_path: Path) -> None:
    house = House(inbox=Inbox(tmp_path), clock=SystemClock())
    async with listen(house, host="127.0.0.1", port=0) as address:
        transport = SmtpTransport(parse_address(address), connections_max=4)
        shop = make_shop(transport).with_settings(MarketingSettings(unreachable_backoff_seconds=0))
        shop.add_contacts(MAILS)
        shop.add_contacts(20, status="unsubscribed", name="gone")
        for name in ("refused+bounce", "silent+drop"):
            [identifier] = shop.add_contacts(1, name=name)
            shop.execute("update audience.contact set email = %s where id = %s", (f"{name}@customer.example", identifier))
        await shop.add_credits(10_000_000)
        campaign = await shop.add_campaign()
        promised = await launching.preflight(shop.ctx, campaign_id=campaign.id)
        await launching.send(shop.ctx, campaign_id=campaign.id)
        await shop.drain()
        done = await shop.campaign(campaign.id)
        assert (promised.recipients, done.recipients) == (MAILS + 2, MAILS + 2)
        assert (done.status, done.progress.failed) == ("sent", 1)
        assert done.progress.sent + done.progress.unknown == MAILS + 1
        assert done.progress.unknown >= 1
        arrived = house.inbox.list_before(None, recipient=None, limit=10_000)
        recipients = [recipient for mail in arrived for recipient in mail.recipients]
        assert len(recipients) == len(set(recipients))
        assert done.progress.sent <= len(recipients) <= MAILS + 1
        await transport.close()
