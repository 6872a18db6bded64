"""A campaign from preflight to the last cent."""

import email
import email.policy
from collections import Counter

from tests.modules.marketing.sending.shop import PRICE_MICROS, Shop

from nexusone.modules.marketing.service import launching


async def test_the_preflight_counts_exactly_whom_the_campaign_reaches(shop: Shop) -> None:
    shop.add_contacts(23)
    shop.add_contacts(4, status="unsubscribed", name="gone")
    shop.add_contacts(3, status="bounced", name="bad")
    shop.add_contacts(2, status="complained", name="angry")
    shop.add_contacts(5, has_email=False)
    await shop.add_credits(1_000_000)
    campaign = await shop.add_campaign()
    promised = await launching.preflight(shop.ctx, campaign_id=campaign.id)
    excluded = {"unsubscribed": 4, "bounced": 3, "complained": 2, "no_address": 5}
    assert (promised.recipients, promised.excluded, promised.credits_needed) == (23, excluded, "0.23")
    await launching.send(shop.ctx, campaign_id=campaign.id)
    await shop.drain()
    done = await shop.campaign(campaign.id)
    assert (done.status, done.recipients, done.progress.sent) == ("sent", 23, 23)
    assert done.progress.skipped == excluded
    assert shop.carrier.recipients == sorted(f"p{number}@customer.example" for number in range(23))
    assert shop.states(campaign) == Counter(sent=23, skipped=14)


async def test_what_was_sent_is_settled_to_the_mail_and_the_rest_given_back(shop: Shop) -> None:
    shop.add_contacts(10)
    await shop.add_credits(10 * PRICE_MICROS)
    campaign = await shop.add_campaign()
    await launching.send(shop.ctx, campaign_id=campaign.id)
    await shop.drain()
    balance = await shop.balance()
    assert (balance.available_micros, balance.held_micros, balance.spent_micros) == (0, 0, 10 * PRICE_MICROS)
    assert (await shop.campaign(campaign.id)).credits_settled == "0.1"


async def test_every_mail_is_in_its_readers_language_and_can_be_left_with_one_click(shop: Shop) -> None:
    for locale, name in (("de-AT", "anna"), ("pt", "bia"), ("pt-BR", "caio"), ("ja", "dai"), (None, "eve")):
        shop.add_contacts(1, locale=locale, name=name)
    await shop.add_credits(1_000_000)
    campaign = await shop.add_campaign()
    await launching.send(shop.ctx, campaign_id=campaign.id)
    await shop.drain()
    mails = {mail.recipient[:3]: email.message_from_bytes(mail.mime, policy=email.policy.default) for mail in shop.carrier.taken}
    subjects = {name: str(mail["Subject"]) for name, mail in mails.items()}
    assert subjects == {"ann": "Hallo Anna0", "bia": "Hello Bia0", "cai": "Olá Caio0", "dai": "Hello Dai0", "eve": "Hello Eve0"}
    for mail in mails.values():
        assert mail["List-Unsubscribe"].startswith("<http") and "/u/" in mail["List-Unsubscribe"]
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["List-Id"]
        html = mail.get_body(("html",))
        assert html is not None
        assert "/t/c/" in html.get_content() and "/t/o/" in html.get_content()
    assert len({mail["Message-ID"] for mail in mails.values()}) == 5


async def test_link_numbers_are_unique_over_the_variants(shop: Shop) -> None:
    campaign = await shop.prepared(1)
    rows = shop.execute(
        "select l.position, l.locale, l.url from marketing.link as l join marketing.campaign as c using (workspace_id, message_id)"
        " where c.id = %s order by 1",
        (campaign.id,),
    )
    assert rows == [
        (0, "de", "https://shop.example/de"),
        (512, "en", "https://shop.example/en"),
        (1024, "pt-BR", "https://shop.example/pt"),
    ]
