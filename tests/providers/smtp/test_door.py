"""The inbox over HTTP, for programs and for people."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from nexusone.platform.provider import SimulatorSetup
from nexusone.providers.smtp.simulation.door import Door
from nexusone.providers.smtp.simulation.faults import FaultSwitch
from nexusone.providers.smtp.simulation.inbox import Inbox, Mail
from nexusone.providers.smtp.simulator import simulate

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"
RICH = (
    b"From: =?utf-8?q?Caf=C3=A9?= <shop@sender.example>\r\nTo: ada@x.example\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?= "
    + EVIL.encode()
    + b'\r\nMessage-ID: <1@x>\r\nX-Tag: one\r\nX-Tag: two\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Gr=C3=BC=C3=9Fe https://shop.example/text </pre><script>alert(2)</script>\r\n"
    b"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n"
    b'<!doctype html><p>Gr\xfc\xdfe <a href="https://shop.example/a?b=1&amp;c=2">go</a> <a href="javascript:alert(3)">x</a>'
    b'<img src="https://shop.example/open.png"><script>alert(4)</script>\r\n--b--\r\n'
)


class Desk:
    def __init__(self, folder: Path) -> None:
        self.inbox, self.faults = Inbox(folder), FaultSwitch()
        app = Starlette(routes=[Mount("/smtp", Door(inbox=self.inbox, faults=self.faults).app())])
        self.client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)

    def add(self, *recipients: str, content: bytes = b"Subject: x\r\n\r\nHi\r\n") -> Mail:
        return self.inbox.add(mail_from="b@sender.example", recipients=recipients, content=content, received_at=NOW)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.client.close()
    desk.inbox.close()


def test_the_list_shows_what_a_program_needs(desk: Desk) -> None:
    mail = desk.add("ada@x.example", content=RICH)
    [item] = desk.client.get("/smtp/inbox").json()["items"]
    headers = item.pop("headers")
    assert item == {
        "id": mail.id,
        "received_at": "2026-01-31T09:30:00Z",
        "mail_from": "b@sender.example",
        "recipients": ["ada@x.example"],
        "subject": f"Grüße {EVIL}",
        "from": "Café <shop@sender.example>",
        "to": "ada@x.example",
        "size_bytes": len(RICH),
        "message_id": "<1@x>",
    }
    assert headers["X-Tag"] == "one"


def test_the_pages_follow_each_other_by_cursor(desk: Desk) -> None:
    ids = [desk.add("ada@x.example" if number % 2 else "bob@x.example").id for number in range(25)]
    found: list[str] = []
    cursor = ""
    while True:
        page = desk.client.get(f"/smtp/inbox?to=ADA@x.example&limit=5{cursor}").json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ids[1::2][::-1]
    assert desk.client.get("/smtp/inbox/count?to=ada@x.example").json() == {"count": 12}
    assert desk.client.get("/smtp/inbox/count").json() == {"count": 25}


def test_one_mail_is_parsed(desk: Desk) -> None:
    mail = desk.add("ada@x.example", content=RICH)
    parsed = desk.client.get(f"/smtp/inbox/{mail.id}").json()
    assert [header["value"] for header in parsed["all_headers"] if header["name"] == "X-Tag"] == ["one", "two"]
    assert parsed["text"].startswith("Grüße https://shop.example/text")
    assert "<p>Grüße <a" in parsed["html"]
    assert parsed["links"] == ["https://shop.example/a?b=1&c=2", "javascript:alert(3)", "https://shop.example/text"]
    assert parsed["images"] == ["https://shop.example/open.png"]


def test_the_source_is_byte_for_byte_and_plain(desk: Desk) -> None:
    mail = desk.add("ada@x.example", content=RICH)
    answer = desk.client.get(f"/smtp/inbox/{mail.id}/source")
    assert answer.content == RICH
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_html_of_a_mail_cannot_run_scripts(desk: Desk) -> None:
    mail = desk.add("ada@x.example", content=RICH)
    answer = desk.client.get(f"/smtp/inbox/{mail.id}/html")
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert answer.text.startswith('<!doctype html><base target="_blank"><p>')


def test_a_mail_without_html_has_none_to_show(desk: Desk) -> None:
    mail = desk.add("ada@x.example")
    assert desk.client.get(f"/smtp/inbox/{mail.id}/html").status_code == 404
    assert "iframe title" not in desk.client.get(f"/smtp/mail/{mail.id}").text


def test_the_pages_escape_everything_and_run_nothing(desk: Desk) -> None:
    mail = desk.add(f"{EVIL}@x.example", content=RICH)
    for path in ("/smtp/", f"/smtp/mail/{mail.id}", f"/smtp/?to={EVIL}"):
        page = desk.client.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "script" not in page.headers["content-security-policy"]
    assert 'href="javascript:' not in desk.client.get(f"/smtp/mail/{mail.id}").text


def test_the_page_links_to_mails_and_to_older_ones(desk: Desk) -> None:
    mails = [desk.add("ada@x.example") for _ in range(60)]
    page = desk.client.get("/smtp/").text
    assert f'href="/smtp/mail/{mails[-1].id}"' in page
    assert f'href="/smtp/?cursor={mails[10].id}"' in page
    older = desk.client.get(f"/smtp/?cursor={mails[10].id}").text
    assert f'href="/smtp/mail/{mails[9].id}"' in older
    assert "Newest" in older


@pytest.mark.parametrize(
    "path",
    [
        "/inbox?limit=0",
        "/inbox?limit=101",
        "/inbox?limit=ten",
        "/inbox?limit=",
        "/inbox?limit=٣",
        "/inbox?cursor=x",
        "/inbox?cursor=-1",
        "/inbox?limit=1&limit=2",
        "/inbox?tö=x",
        "/inbox/count?limit=1",
        "/?limit=-1",
    ],
)
def test_malformed_parameters_are_refused_as_a_problem(desk: Desk, path: str) -> None:
    answer = desk.client.get(f"/smtp{path}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 400


@pytest.mark.parametrize("mail_id", ["000000000099", "1", "x", "٠٠٠٠٠٠٠٠٠٠٠١", "%2e%2e", "000000000001%00"])
@pytest.mark.parametrize("place", ["inbox/{}", "inbox/{}/source", "inbox/{}/html", "mail/{}"])
def test_a_mail_that_is_not_there_is_not_found(desk: Desk, mail_id: str, place: str) -> None:
    desk.add("ada@x.example")
    answer = desk.client.get("/smtp/" + place.format(mail_id))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_clearing_deletes_all(desk: Desk) -> None:
    desk.add("ada@x.example")
    assert desk.client.delete("/smtp/inbox").status_code == 204
    assert desk.client.get("/smtp/inbox").json() == {"items": [], "next_cursor": None}


def test_the_fault_switch_is_set_shown_and_cleared(desk: Desk) -> None:
    assert desk.client.put("/smtp/_faults", json={"mode": "refuse", "times": 3}).json() == {"mode": "refuse", "times": 3}
    assert (desk.faults.mode, desk.faults.times_left) == ("refuse", 3)
    assert desk.client.get("/smtp/_faults").json() == {"mode": "refuse", "times": 3}
    assert desk.client.delete("/smtp/_faults").status_code == 204
    assert desk.faults.mode is None
    assert desk.client.put("/smtp/_faults", json={"mode": "slow"}).json() == {"mode": "slow", "times": None}


BAD_FAULTS = (
    *("", "x", "[]", "{}", '"\\ud800"', "[" * 4_000),
    *('{"mode":"explode"}', '{"mode":["slow"]}', '{"mode":"slow","more":1}'),
    *('{"mode":"slow","times":0}', '{"mode":"slow","times":true}', '{"mode":"slow","times":1.5}'),
)


@pytest.mark.parametrize("body", BAD_FAULTS)
def test_a_malformed_fault_is_refused_as_a_problem(desk: Desk, body: str) -> None:
    answer = desk.client.put("/smtp/_faults", content=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert desk.faults.mode is None


def test_a_fault_too_long_to_read_is_refused(desk: Desk) -> None:
    assert desk.client.put("/smtp/_faults", content=b" " * 5_000).status_code == 413


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"no headers at all",
        b"Subject: =?nonsense?b?!!!?=\r\n\r\n",
        b"Subject: =?utf-8?b?\xff?=\r\nContent-Type: text/html; charset=klingon\r\n\r\n<p>\xff",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%%",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ntext",
        b"Subject: \xed\xa0\x80 \x00\x1b[31m\r\n\r\n\x00",
        b"Content-Type: text/html\r\n\r\n<![if <!-- <a href=",
        b"Content-Type: application/pdf; name*=utf-8''%ff\r\n\r\nx",
    ],
)
def test_a_broken_message_is_shown_as_well_as_it_can_be(desk: Desk, content: bytes) -> None:
    mail = desk.add("ada@x.example", content=content)
    for path in ("/smtp/", "/smtp/inbox", f"/smtp/inbox/{mail.id}", f"/smtp/inbox/{mail.id}/source", f"/smtp/mail/{mail.id}"):
        assert desk.client.get(path).status_code == 200


async def test_the_simulator_is_an_app_and_a_socket_on_one_inbox_that_outlives_it(tmp_path: Path) -> None:
    setup = SimulatorSetup(data=tmp_path, host="127.0.0.1")
    for _ in range(2):
        parts = simulate(setup)
        assert parts.app is not None
        assert parts.socket is not None
        async with parts.socket() as address:
            assert address.startswith("smtp://127.0.0.1:")
