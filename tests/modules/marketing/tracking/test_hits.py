"""Opens and clicks: who is sent where, what counts, and that the database may be away."""

import asyncio
import base64
import statistics
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import TestDatabase
from tests.modules.marketing.tracking.conftest import FlushHits, MailingMaker

from nexusone.kernel.ids import new_id
from nexusone.modules.marketing.domain.hits import Hit, HitKind, Visit, is_machine, unpack, written_user_agent
from nexusone.modules.marketing.domain.tokens import DeliveryIds, Purpose, SigningKey, sign
from nexusone.modules.marketing.service.tracking import Tracker, flushing_hits, record_hits
from nexusone.platform.runtime import Runtime

BROWSER = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"}


async def test_the_pixel_is_a_tiny_picture_that_nobody_keeps(
    client: httpx2.AsyncClient, make_mailing: MailingMaker, flush_hits: FlushHits
) -> None:
    mailing = make_mailing()
    answer = await client.get(mailing.open_path(), headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"], len(answer.content)) == (200, "image/gif", 43)
    assert answer.content[:6] == b"GIF89a"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert await mailing.counts() == (0, 0, False, False, False)
    assert await flush_hits() == 1
    assert await mailing.counts() == (1, 0, True, False, False)


async def test_a_click_leads_on_and_counts_as_having_opened(
    client: httpx2.AsyncClient, make_mailing: MailingMaker, flush_hits: FlushHits
) -> None:
    mailing = make_mailing(links=("https://shop.example/sale?a=1&b=ä", "http://old.example/"))
    answer = await client.get(mailing.click_path(link=0), headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://shop.example/sale?a=1&b=%C3%A4")
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get(mailing.click_path(link=1), headers=BROWSER)).headers["location"] == "http://old.example/"
    assert await flush_hits() == 2
    assert await mailing.counts() == (0, 2, True, True, False)


async def test_a_link_with_liquid_leads_where_it_leads_for_the_contact(client: httpx2.AsyncClient, make_mailing: MailingMaker) -> None:
    mailing = make_mailing(
        links=("https://shop.example/?c={{ contact.external_id }}&w={{ workspace.name }}&m={{ campaign.name }}&i={{ campaign.id }}",),
        contacts=2,
    )
    for contact in (0, 1):
        answer = await client.get(mailing.click_path(contact))
        assert (
            answer.headers["location"]
            == f"https://shop.example/?c=crm-{mailing.contact_ids[contact]}&w=Engines&m=Spring&i={mailing.campaign_id}"
        )


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "ftp://evil.example",
        "https://",
        "{{ contact.first_name }}",
        "{{ 'javascript:alert(1)' }}",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "",
    ],
)
async def test_a_link_that_is_no_web_address_leads_nowhere(
    url: str, client: httpx2.AsyncClient, make_mailing: MailingMaker, flush_hits: FlushHits
) -> None:
    answer = await client.get(make_mailing(links=(url,)).click_path())
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert await flush_hits() == 0


async def test_nobody_can_choose_where_a_redirect_leads(client: httpx2.AsyncClient, make_mailing: MailingMaker) -> None:
    path = make_mailing().click_path()
    for suffix in ("?url=https://evil.example", "?next=//evil.example", "#https://evil.example", "?https://evil.example"):
        assert (await client.get(path + suffix)).headers["location"] == "https://shop.example/sale"
    for forged in ("/t/c/https://evil.example", "/t/c//evil.example", path + "/https://evil.example", "/t/c/%2F%2Fevil.example"):
        answer = await client.get(forged)
        assert answer.status_code == 404
        assert "location" not in answer.headers


async def test_forged_tokens_are_refused_and_leave_no_trace(
    client: httpx2.AsyncClient, make_mailing: MailingMaker, flush_hits: FlushHits
) -> None:
    mailing = make_mailing(contacts=1)
    ids = DeliveryIds(mailing.ctx.workspace, mailing.message_id, mailing.contact_ids[0])
    genuine = mailing.token(Purpose.CLICK)
    raw = bytearray(base64.urlsafe_b64decode(genuine + "=="))
    raw[40] ^= 1
    forged = [
        sign(ids, purpose=Purpose.CLICK, key=SigningKey(raw[2], b"x" * 32)),
        base64.urlsafe_b64encode(raw).rstrip(b"=").decode(),
        mailing.token(Purpose.OPEN),
        mailing.token(Purpose.UNSUBSCRIBE),
        genuine[:-1],
        genuine + "A",
        genuine.swapcase(),
        "x",
        "%F0%9F%92%A9" * 20,
    ]
    for token in forged:
        answer = await client.get(f"/t/c/{token}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (await client.get(f"/t/o/{genuine}")).status_code == 404
    assert (await client.get(mailing.click_path(link=7))).status_code == 404
    assert await flush_hits() == 0


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", BROWSER),
        ("GET", {**BROWSER, "Purpose": "prefetch"}),
        ("GET", {**BROWSER, "Sec-Purpose": "prefetch;prerender"}),
        ("GET", {**BROWSER, "X-Moz": "prefetch"}),
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}),
        ("GET", {"User-Agent": "Slackbot-LinkExpanding 1.0"}),
        ("GET", {"User-Agent": "Mozilla/5.0 HeadlessChrome/130"}),
    ],
)
async def test_machines_are_answered_and_kept_but_count_for_nothing(
    method: str, headers: dict[str, str], client: httpx2.AsyncClient, make_mailing: MailingMaker, flush_hits: FlushHits
) -> None:
    mailing = make_mailing()
    assert (await client.request(method, mailing.open_path(), headers=headers)).status_code == 200
    assert (await client.request(method, mailing.click_path(), headers=headers)).status_code == 302
    assert await flush_hits() == 2
    assert await mailing.count_engagement() == 2
    assert await mailing.counts() == (0, 0, False, False, False)


@pytest.mark.parametrize(
    "agent",
    [
        BROWSER["User-Agent"],
        "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "curl/8.9",
        "",
    ],
)
def test_people_are_not_taken_for_machines(agent: str) -> None:
    assert not is_machine("GET", {"user-agent": agent})


@given(
    st.uuids(),
    st.sampled_from(HitKind),
    st.integers(0, 2**31 - 1),
    st.integers(0, 65535),
    st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
    st.text(),
    st.booleans(),
)
def test_a_hit_is_read_back_as_it_was_written(
    any_id: UUID, kind: HitKind, occurrence: int, link: int, moment: datetime, agent: str, machine: bool
) -> None:
    visit = Visit(written_user_agent(agent.encode("utf-8", "ignore").decode()), machine, b"0123456789abcdef")
    hit = Hit(any_id, kind, DeliveryIds(any_id, any_id, any_id, occurrence), link, moment, visit)
    assert unpack(hit.pack()) == hit
    assert len(hit.pack()) < 1400
    assert "\x00" not in visit.user_agent


async def test_the_same_batch_twice_counts_once(tracked_runtime: Runtime, make_mailing: MailingMaker) -> None:
    mailing, moment = make_mailing(contacts=2), datetime(2026, 1, 1, tzinfo=UTC)

    def hit(contact: int, kind: HitKind, minute: int) -> bytes:
        ids = DeliveryIds(mailing.ctx.workspace, mailing.message_id, mailing.contact_ids[contact])
        return Hit(new_id(), kind, ids, 0, moment + timedelta(minutes=minute), Visit("x", False, bytes(16))).pack()

    batch = [hit(0, HitKind.CLICK, 9), hit(0, HitKind.OPEN, 5), hit(1, HitKind.OPEN, 7)]
    for records in (batch, batch, [*batch, hit(0, HitKind.OPEN, 3)], batch[::-1]):
        await record_hits(tracked_runtime, records)
    assert await mailing.counts(0) == (2, 1, True, True, False)
    assert await mailing.counts(1) == (1, 0, True, False, False)
    assert await mailing.count_engagement() == 4


async def test_hits_of_many_workspaces_stay_apart_and_unknown_deliveries_do_no_harm(
    tracked_runtime: Runtime, make_mailing: MailingMaker, client: httpx2.AsyncClient, flush_hits: FlushHits
) -> None:
    first, second = make_mailing(), make_mailing()
    stranger = replace(first, contact_ids=(new_id(),))
    for path in (first.open_path(), second.open_path(), second.click_path(), stranger.open_path()):
        await client.get(path)
    assert await flush_hits() == 4
    assert await first.counts() == (1, 0, True, False, False)
    assert await second.counts() == (1, 1, True, True, False)
    assert (await first.count_engagement(), await second.count_engagement()) == (2, 2)


async def test_addresses_are_kept_as_hashes_that_differ_between_workspaces(
    make_mailing: MailingMaker, client: httpx2.AsyncClient, flush_hits: FlushHits, database: TestDatabase
) -> None:
    mailings = [make_mailing(), make_mailing()]
    for mailing in mailings:
        await client.get(mailing.open_path(), headers={b"User-Agent": b"spy\x7f\x85ware " + b"x" * 900})
        await client.get(mailing.open_path())
    await flush_hits()
    async with await psycopg.AsyncConnection.connect(database.admin_url) as connection:
        found = await connection.execute(
            "select workspace_id, ip_hash, max(user_agent) from marketing.engagement where workspace_id = any(%s) group by 1, 2",
            ([mailing.ctx.workspace for mailing in mailings],),
        )
        rows = await found.fetchall()
    assert len(rows) == 2
    assert len({row[1] for row in rows}) == 2
    assert all(len(row[1]) == 16 for row in rows)
    assert rows[0][2].startswith("spyware xxx")
    assert len(rows[0][2]) == 300


async def test_redirects_answer_while_the_database_is_locked_and_nothing_is_lost(
    client: httpx2.AsyncClient, make_mailing: MailingMaker, tracked_runtime: Runtime, database: TestDatabase
) -> None:
    mailing = make_mailing()
    await client.get(mailing.click_path())
    async with flushing_hits(tracked_runtime):
        async with await psycopg.AsyncConnection.connect(database.admin_url) as blocker:
            await blocker.execute("lock table marketing.engagement, marketing.delivery, marketing.link in access exclusive mode")
            seconds = []
            for number in range(200):
                path = mailing.click_path() if number % 2 else mailing.open_path()
                began = time.perf_counter()
                answer = await client.get(path, headers=BROWSER)
                seconds.append(time.perf_counter() - began)
                assert answer.status_code in (200, 302)
                await asyncio.sleep(0.002)
            sys.stdout.write(f"locked database: p50 {statistics.median(seconds) * 1000:.2f} ms, max {max(seconds) * 1000:.2f} ms\n")
        for _ in range(100):
            if await mailing.count_engagement() == 201:
                break
            await asyncio.sleep(0.05)
    assert await mailing.counts() == (100, 101, True, True, False)


async def test_many_first_clicks_ask_the_database_once(
    client: httpx2.AsyncClient, make_mailing: MailingMaker, tracked_runtime: Runtime, database: TestDatabase
) -> None:
    mailing = make_mailing(contacts=30)
    async with await psycopg.AsyncConnection.connect(database.admin_url) as blocker:
        await blocker.execute("lock table marketing.link in access exclusive mode")
        waiting = [asyncio.create_task(client.get(mailing.click_path(number))) for number in range(30)]
        await asyncio.sleep(0.2)
        assert tracked_runtime.database.statistics().get("requests_waiting", 0) == 0
        waiting[0].cancel()
        await blocker.rollback()
        answers = await asyncio.gather(*waiting[1:])
    assert {answer.status_code for answer in answers} == {302}


async def test_a_link_that_is_not_known_yet_waits_for_the_database_but_not_for_ever(
    client: httpx2.AsyncClient, make_mailing: MailingMaker, database: TestDatabase
) -> None:
    mailing = make_mailing()
    async with await psycopg.AsyncConnection.connect(database.admin_url) as blocker:
        await blocker.execute("lock table marketing.link in access exclusive mode")
        answer = await client.get(mailing.click_path())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert (await client.get(mailing.click_path())).status_code == 302


async def test_what_a_dead_process_spooled_is_brought_in_by_the_next(
    make_mailing: MailingMaker, client: httpx2.AsyncClient, tracked_runtime: Runtime
) -> None:
    mailing = make_mailing()
    await client.get(mailing.open_path())
    spool = tracked_runtime.port(Tracker).spool
    spool.close()
    assert spool.adopt() == 1
    batch = await spool.take()
    assert batch is not None
    # The process dies between the commit and the confirmation.
    await record_hits(tracked_runtime, batch.records)
    spool.close()
    async with flushing_hits(tracked_runtime):
        pass
    assert spool.waiting_bytes == 0
    assert await mailing.counts() == (1, 0, True, False, False)
