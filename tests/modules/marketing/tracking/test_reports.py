"""The report says what was done, whatever the order it was done in."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from uuid import uuid4

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import ContextMaker
from tests.modules.marketing.tracking.conftest import FlushHits, Mailing, MailingMaker

from nexusone.modules.marketing.contracts import CampaignReport
from nexusone.modules.marketing.service.refusals import CampaignNotFound
from nexusone.modules.marketing.service.reports import get_report

CONTACTS = 6
LINKS = ("https://shop.example/a", "https://shop.example/b?c={{ contact.external_id }}", "https://shop.example/a")
LOCALES = ("de", "en")
Act = tuple[str, int, int]
ACTS = st.lists(
    st.tuples(st.sampled_from(["open", "click", "leave", "flush", "bot", "look"]), st.integers(0, CONTACTS - 1), st.integers(0, 2)),
    max_size=40,
)


@dataclass
class Done:
    """What the readers did, told without a database."""

    opened: set[int] = field(default_factory=set)
    clicked: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    clicks: Counter[str] = field(default_factory=Counter)
    clickers: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def note(self, act: str, contact: int, link: int) -> None:
        if act == "open":
            self.opened.add(contact)
        if act == "leave":
            self.left.add(contact)
        if act == "click":
            self.opened.add(contact)
            self.clicked.add(contact)
            self.clicks[LINKS[link]] += 1
            self.clickers[LINKS[link]].add(contact)


async def perform(client: httpx2.AsyncClient, mailing: Mailing, flush_hits: FlushHits, act: Act) -> None:
    kind, contact, link = act
    if kind == "open":
        assert (await client.get(mailing.open_path(contact))).status_code == 200
    elif kind == "click":
        assert (await client.get(mailing.click_path(contact, link))).status_code == 302
    elif kind == "bot":
        await client.head(mailing.click_path(contact, link))
        await client.get(mailing.open_path(contact), headers={"Sec-Purpose": "prefetch"})
    elif kind == "look":
        assert (await client.get(mailing.unsubscribe_path(contact))).status_code == 200
    elif kind == "leave":
        assert (await client.post(mailing.unsubscribe_path(contact), data={"List-Unsubscribe": "One-Click"})).status_code == 200
    else:
        await flush_hits()


def check(report: CampaignReport, done: Done) -> None:
    assert (report.recipients, report.sent, report.failed, report.unknown, report.skipped) == (CONTACTS, CONTACTS, 0, 0, {})
    assert (report.opened, report.clicked, report.unsubscribed) == (len(done.opened), len(done.clicked), len(done.left))
    assert report.open_rate == round(len(done.opened) / CONTACTS, 4)
    assert {link.url: (link.clicks, link.contacts) for link in report.links} == {
        url: (done.clicks[url], len(done.clickers[url])) for url in LINKS
    }
    for number, locale in enumerate(LOCALES):
        (found,) = [one for one in report.by_locale if one.locale == locale]
        mine = {contact for contact in range(CONTACTS) if contact % 2 == number}
        assert (found.sent, found.opened, found.clicked) == (len(mine), len(mine & done.opened), len(mine & done.clicked))
        assert found.unsubscribed == len(mine & done.left)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=ACTS, second=ACTS)
async def test_the_report_is_what_was_done(
    first: list[Act], second: list[Act], client: httpx2.AsyncClient, make_mailing: MailingMaker, flush_hits: FlushHits
) -> None:
    mailing, done = make_mailing(links=LINKS, contacts=CONTACTS, locales=LOCALES), Done()

    async def run(acts: list[Act]) -> None:
        for act in acts:
            await perform(client, mailing, flush_hits, act)

    # Flushes of one spool follow one another; the readers come all at once.
    await asyncio.gather(run(first), run([act for act in second if act[0] != "flush"]))
    for act in (*first, *second):
        done.note(*act)
    await flush_hits()
    check(await get_report(mailing.ctx, campaign_id=mailing.campaign_id), done)


async def test_an_unsubscribe_is_in_the_report_at_once(client: httpx2.AsyncClient, make_mailing: MailingMaker) -> None:
    mailing = make_mailing(contacts=4)
    await client.post(mailing.unsubscribe_path(2))
    report = await get_report(mailing.ctx, campaign_id=mailing.campaign_id)
    assert (report.unsubscribed, report.unsubscribe_rate) == (1, 0.25)


async def test_every_fate_is_told_and_what_it_costs(make_mailing: MailingMaker) -> None:
    mailing = make_mailing(contacts=14, states=("sent", "unknown", "failed", "queued", "handing_over", "skipped", "sent"))
    report = await get_report(mailing.ctx, campaign_id=mailing.campaign_id)
    assert (report.recipients, report.sent, report.unknown, report.failed, report.pending) == (12, 4, 2, 2, 4)
    assert report.skipped == {"no_address": 2}
    assert (report.credits.charged, report.credits.per_email, report.credits.is_final) == ("0.06", "0.01", False)
    assert report.links[0].model_dump() == {"url": "https://shop.example/sale", "clicks": 0, "contacts": 0}


async def test_a_campaign_without_mails_has_an_empty_report(make_mailing: MailingMaker) -> None:
    mailing = make_mailing(contacts=0, links=())
    report = await get_report(mailing.ctx, campaign_id=mailing.campaign_id)
    assert (report.recipients, report.open_rate, report.by_locale, report.links) == (0, 0.0, [], [])


async def test_the_report_of_another_workspace_is_not_there(make_mailing: MailingMaker, make_context: ContextMaker) -> None:
    mailing = make_mailing()
    for ctx in (make_context(), mailing.ctx):
        with pytest.raises(CampaignNotFound):
            await get_report(ctx, campaign_id=mailing.campaign_id if ctx is not mailing.ctx else uuid4())


async def test_the_report_is_fetched_over_http_with_a_permission(client: httpx2.AsyncClient, make_mailing: MailingMaker) -> None:
    account = {"email": f"{uuid4()}@example.com", "password": "a long enough passphrase", "name": "Ada", "workspace_name": "Engines"}
    signed_up = (await client.post("/v1/auth/sign-up", json=account)).json()
    headers = {"Authorization": f"Bearer {signed_up['access_token']}"}
    mine = make_mailing(workspace_id=signed_up["workspace"]["id"])
    answer = await client.get(f"/v1/campaigns/{mine.campaign_id}/report", headers=headers)
    assert answer.status_code == 200
    assert {"recipients", "sent", "failed", "unknown", "opened", "clicked", "unsubscribed"} <= set(answer.json())
    assert (await client.get(f"/v1/campaigns/{make_mailing().campaign_id}/report", headers=headers)).status_code == 404
    assert (await client.get(f"/v1/campaigns/{mine.campaign_id}/report")).status_code == 401
    question = {"query": f'{{campaign_report(id: "{mine.campaign_id}") {{recipients opened links {{url clicks}}}}}}'}
    asked = await client.post("/graphql", headers=headers, json=question)
    assert asked.json() == {
        "data": {"campaign_report": {"recipients": 1, "opened": 0, "links": [{"url": "https://shop.example/sale", "clicks": 0}]}}
    }
