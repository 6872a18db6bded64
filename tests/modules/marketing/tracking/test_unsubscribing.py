"""Leaving: the page changes nothing, one POST of any kind does, and nobody's name becomes markup."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import httpx2
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import TestDatabase
from tests.modules.marketing.tracking.conftest import FlushHits, Mailing, MailingMaker

from nexusone.modules.marketing.domain.tokens import Purpose
from nexusone.modules.marketing.domain.unsubscribe_page import LANGUAGES, accepted_languages, unsubscribe_page
from nexusone.platform.sql import sql

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
STATUS = sql("select email_status from audience.contact where workspace_id = %(workspace_id)s and id = %(id)s")
UNSUBSCRIBES = sql("select count(*) from marketing.engagement where workspace_id = %(workspace_id)s and kind = 'unsubscribe'")
MULTIPART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}&lt;\u202e"


async def status_of(mailing: Mailing, contact: int = 0) -> str:
    async with mailing.ctx.transaction("audience") as tx:
        return await tx.fetch_value(str, STATUS, {"workspace_id": mailing.ctx.workspace, "id": mailing.contact_ids[contact]})


async def unsubscribes_of(mailing: Mailing) -> int:
    async with mailing.ctx.transaction("marketing") as tx:
        return await tx.fetch_value(int, UNSUBSCRIBES, {"workspace_id": mailing.ctx.workspace})


class Reader(HTMLParser):
    """Tags and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_at_the_page_changes_nothing(
    method: str, client: httpx2.AsyncClient, make_mailing: MailingMaker, flush_hits: FlushHits
) -> None:
    mailing = make_mailing()
    for headers in (HTML, {}, {**HTML, "Purpose": "prefetch"}, {"User-Agent": "Barracuda link scanner"}):
        answer = await client.request(method, mailing.unsubscribe_path(), headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "set-cookie" not in answer.headers
    await flush_hits()
    assert await status_of(mailing) == "subscribed"
    assert await mailing.counts() == (0, 0, False, False, False)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded; charset=utf-8"),
        (MULTIPART, "multipart/form-data; boundary=b"),
        (b"confirm=yes", "application/x-www-form-urlencoded"),
        (b"", None),
        (b"", "application/x-www-form-urlencoded"),
        (b"{not json", "application/json"),
        (b"\xff\xfe", "text/plain"),
        (b"broken", "multipart/form-data"),
    ],
)
async def test_any_post_unsubscribes_at_once(
    body: bytes, content_type: str | None, client: httpx2.AsyncClient, make_mailing: MailingMaker
) -> None:
    mailing = make_mailing(contacts=2)
    headers = {"Content-Type": content_type} if content_type else {}
    for _ in range(3):
        answer = await client.post(mailing.unsubscribe_path(), content=body, headers=headers)
        assert (answer.status_code, answer.text) == (200, "unsubscribed\n")
        assert "set-cookie" not in answer.headers
        assert "location" not in answer.headers
        assert await status_of(mailing) == "unsubscribed"
        assert await mailing.counts() == (0, 0, False, False, True)
        assert await unsubscribes_of(mailing) == 1
    assert await status_of(mailing, 1) == "subscribed"
    assert await mailing.counts(1) == (0, 0, False, False, False)


async def test_a_browser_is_told_in_words(client: httpx2.AsyncClient, make_mailing: MailingMaker) -> None:
    mailing = make_mailing(locales=("de",))
    answer = await client.post(mailing.unsubscribe_path(), data={"confirm": "yes"}, headers=HTML)
    assert answer.status_code == 200
    assert "Sie sind abgemeldet" in answer.text
    assert "<form" not in answer.text
    assert await status_of(mailing) == "unsubscribed"


async def test_a_contact_that_is_gone_can_still_leave(
    client: httpx2.AsyncClient, make_mailing: MailingMaker, database: TestDatabase
) -> None:
    mailing = make_mailing()
    async with await psycopg.AsyncConnection.connect(database.admin_url) as connection:
        await connection.execute("delete from audience.contact where id = %s", (mailing.contact_ids[0],))
        await connection.execute("delete from marketing.delivery where contact_id = %s", (mailing.contact_ids[0],))
    assert (await client.get(mailing.unsubscribe_path())).status_code == 200
    assert (await client.post(mailing.unsubscribe_path())).status_code == 200
    assert await unsubscribes_of(mailing) == 0


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_forged_addresses_unsubscribe_nobody(method: str, client: httpx2.AsyncClient, make_mailing: MailingMaker) -> None:
    mailing = make_mailing()
    for token in (mailing.token(Purpose.CLICK), mailing.token(Purpose.OPEN), "x", mailing.token(Purpose.UNSUBSCRIBE)[:-2]):
        answer = await client.request(method, f"/u/{token}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        answer = await client.request(method, f"/u/{token}", headers={**HTML, "Accept-Language": "fr"})
        assert answer.status_code == 404
        assert method == "HEAD" or "Ce lien ne fonctionne pas" in answer.text
    assert await status_of(mailing) == "subscribed"


async def test_an_unavailable_database_promises_nothing(
    client: httpx2.AsyncClient, make_mailing: MailingMaker, database: TestDatabase
) -> None:
    mailing = make_mailing()
    async with await psycopg.AsyncConnection.connect(database.admin_url) as blocker:
        await blocker.execute("lock table audience.contact, marketing.campaign in access exclusive mode")
        answer = await client.post(mailing.unsubscribe_path())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        page = await client.get(mailing.unsubscribe_path(), headers={"Accept-Language": "de"})
        assert "Möchten Sie diese E-Mails nicht mehr erhalten?" in page.text
    assert await status_of(mailing) == "subscribed"
    assert (await client.post(mailing.unsubscribe_path())).status_code == 200


async def test_other_methods_are_not_there(client: httpx2.AsyncClient, make_mailing: MailingMaker) -> None:
    path = make_mailing().unsubscribe_path()
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        assert (await client.request(method, path)).status_code == 405


async def test_the_page_speaks_the_readers_language_else_the_mails_else_english(
    client: httpx2.AsyncClient, make_mailing: MailingMaker
) -> None:
    polish, thai = make_mailing(locales=("pl-PL",)), make_mailing(locales=("th",))
    for mailing, wanted, spoken in (
        (polish, "ar-EG,en;q=0.5", "ar"),
        (polish, "th,fr;q=0.3,ja;q=0.9", "ja"),
        (polish, "th", "pl"),
        (polish, "", "pl"),
        (thai, "", "en"),
        (thai, "de;q=0,nl;q=0.1", "nl"),
    ):
        answer = await client.get(mailing.unsubscribe_path(), headers={"Accept-Language": wanted})
        assert answer.headers["content-language"] == spoken
        assert f'lang="{spoken}" dir="{"rtl" if spoken == "ar" else "ltr"}"' in answer.text
        assert "Accept-Language" in answer.headers["vary"]


async def test_the_page_allows_itself_only_its_own_style(client: httpx2.AsyncClient, make_mailing: MailingMaker) -> None:
    answer = await client.get(make_mailing().unsubscribe_path(), headers=HTML)
    style = re.findall(r"<style>(.*?)</style>", answer.text)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{b64encode(sha256(style[0].encode()).digest()).decode()}'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert (answer.headers["x-content-type-options"], answer.headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"https?://|url\(|@import|<script|style=", answer.text)


async def test_a_senders_name_never_becomes_markup(client: httpx2.AsyncClient, make_mailing: MailingMaker) -> None:
    answer = await client.get(make_mailing(from_name=HOSTILE).unsubscribe_path(), headers=HTML)
    reader = Reader(answer.text)
    assert HOSTILE in reader.text
    assert not {"script", "img"} & set(reader.tags)


@given(st.sampled_from(sorted(LANGUAGES)), st.text(st.characters(codec="utf-8"), max_size=200))
def test_no_name_changes_the_structure_of_a_page(language: str, sender: str) -> None:
    plain, named = (
        Reader(unsubscribe_page("ask", language=language, sender="x")),
        Reader(unsubscribe_page("ask", language=language, sender=sender)),
    )
    assert (plain.tags, plain.attributes) == (named.tags, named.attributes)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_every_word(language: str) -> None:
    words = LANGUAGES[language]
    assert all(words)
    assert words.question.count("{sender}") == 1
    assert not any("{" in word for word in words if word != words.question)
    asked, done = (unsubscribe_page("ask", language=language, sender="S"), unsubscribe_page("done", language=language))
    assert asked.count("<form") == 1
    assert words.done.split(".")[0] in done


def test_ten_languages_are_spoken() -> None:
    assert set(LANGUAGES) == {"en", "de", "es", "fr", "it", "pt", "nl", "pl", "ja", "ar"}


@given(st.text())
def test_no_header_of_languages_is_too_odd(header: str) -> None:
    assert all(tag == tag.lower() for tag in accepted_languages(header))


def test_languages_are_ordered_by_weight() -> None:
    assert accepted_languages("fr;q=0.2, de-AT , EN;q=0.9,it;q=0,pl;q=x") == ["de", "en", "fr"]
