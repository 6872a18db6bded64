"""The inbox: paging, bounds, and what survives a restart."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nexusone.providers.smtp.simulation.inbox import Inbox, Mail

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
PEOPLE = ("ada@x.example", "Bob@x.example", "cy@x.example")


def add(inbox: Inbox, *recipients: str, content: bytes = b"Subject: x\r\n\r\n", seconds: int = 0) -> Mail:
    return inbox.add(mail_from="a@x.example", recipients=recipients, content=content, received_at=START + timedelta(seconds=seconds))


def everything(inbox: Inbox) -> list[tuple[Mail, bytes]]:
    return [(mail, inbox.content(mail)) for mail in inbox.list_before(None, recipient=None, limit=100_000)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    received=st.lists(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3), max_size=30),
    limit=st.integers(1, 7),
    recipient=st.sampled_from([None, *PEOPLE, "bob@X.example", "nobody@x.example"]),
    mails_max=st.integers(1, 40),
)
def test_the_pages_together_are_every_kept_mail_once_newest_first(
    tmp_path_factory: pytest.TempPathFactory, received: list[list[str]], limit: int, recipient: str | None, mails_max: int
) -> None:
    inbox = Inbox(tmp_path_factory.mktemp("inbox"), mails_max=mails_max, segment_bytes=200)
    kept = [add(inbox, *recipients) for recipients in received][-mails_max:]
    wanted = [mail for mail in kept if recipient is None or recipient.lower() in {name.lower() for name in mail.recipients}]
    found: list[Mail] = []
    before: int | None = None
    while page := inbox.list_before(before, recipient=recipient, limit=limit):
        assert len(page) <= limit
        found += page
        before = page[-1].number
    assert found == wanted[::-1]
    assert inbox.count(recipient=recipient) == len(wanted)
    inbox.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(st.binary(max_size=300), max_size=20), mails_max=st.integers(1, 25), segment_bytes=st.integers(1, 900))
def test_a_restart_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], mails_max: int, segment_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("inbox")
    before = Inbox(folder, mails_max=mails_max, segment_bytes=segment_bytes)
    for seconds, content in enumerate(contents):
        add(before, PEOPLE[seconds % 3], content=content, seconds=seconds)
    expected = everything(before)
    before.close()
    after = Inbox(folder, mails_max=mails_max, segment_bytes=segment_bytes)
    assert everything(after) == expected
    assert add(after, PEOPLE[0]).number == len(contents) + 1
    after.close()


def test_half_a_record_from_a_crash_is_left_out_and_the_rest_kept(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    add(inbox, PEOPLE[0], content=b"first")
    add(inbox, PEOPLE[0], content=b"second")
    inbox.close()
    [segment] = tmp_path.glob("mails-*.log")
    segment.write_bytes(segment.read_bytes()[:-3])
    again = Inbox(tmp_path)
    assert [content for _, content in everything(again)] == [b"first"]
    assert add(again, PEOPLE[0], content=b"third").number == 2
    again.close()
    last = Inbox(tmp_path)
    assert [content for _, content in everything(last)] == [b"third", b"first"]
    last.close()


def test_the_oldest_go_when_there_is_too_much_and_so_do_their_files(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, bytes_max=5_000, segment_bytes=1_000)
    for seconds in range(100):
        add(inbox, PEOPLE[0], content=b"x" * 500, seconds=seconds)
    assert inbox.count() == inbox.count(recipient=PEOPLE[0]) == 10
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 10_000
    inbox.close()


def test_clearing_empties_it_and_numbers_do_not_come_again(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    last = add(inbox, PEOPLE[0])
    inbox.clear()
    assert everything(inbox) == []
    assert inbox.count(recipient=PEOPLE[0]) == 0
    inbox.close()
    again = Inbox(tmp_path)
    assert everything(again) == []
    assert add(again, PEOPLE[0]).number == last.number + 1
    again.close()
