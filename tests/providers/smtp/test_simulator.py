"""The simulated mail server, spoken to by clients that are not ours."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiosmtplib
import pytest
from tests.providers.conformance.email_transport import outgoing

from nexusone.kernel.clock import SystemClock
from nexusone.providers.smtp.address import parse_address
from nexusone.providers.smtp.simulation.house import House
from nexusone.providers.smtp.simulation.inbox import Inbox
from nexusone.providers.smtp.simulation.server import listen
from nexusone.providers.smtp.transport import SmtpTransport


class Running:
    def __init__(self, *, house: House, address: str) -> None:
        self.house, self.address = house, address
        self.port = int(address.rpartition(":")[2])

    async def client(self) -> aiosmtplib.SMTP:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, start_tls=False, timeout=5)
        await client.connect()
        return client

    def contents(self) -> list[bytes]:
        return [self.house.inbox.content(mail) for mail in self.house.inbox.list_before(None, recipient=None, limit=1_000)]

    async def endings(self, *recipients: str) -> list[str]:
        transport = SmtpTransport(parse_address(self.address))
        outcomes = await transport.hand_over([outgoing(recipient, number=number) for number, recipient in enumerate(recipients)])
        await transport.close()
        return [outcome.outcome for outcome in outcomes]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    house = House(inbox=Inbox(tmp_path), clock=SystemClock(), slow_seconds=0.2)
    async with listen(house, host="127.0.0.1", port=0) as address:
        yield Running(house=house, address=address)


async def talk(server: Running, *said: bytes) -> list[str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"".join(said))
    writer.write_eof() if not said[-1].startswith(b"QUIT") else None
    async with asyncio.timeout(5):
        heard = await reader.read()
    writer.close()
    await writer.wait_closed()
    return [line[:3] for line in heard.decode().splitlines() if line[3:4] != "-"]


async def test_a_foreign_client_delivers_byte_for_byte(server: Running) -> None:
    email = outgoing("ada@customer.example", body=b".dots\r\n..\r\n.\r\n" + b"x" * 5_000 + b"\r\n")
    client = await server.client()
    await client.sendmail(email.envelope_from, [email.recipient, "bob@customer.example"], email.mime)
    await client.quit()
    [mail] = server.house.inbox.list_before(None, recipient="bob@customer.example", limit=10)
    assert server.contents() == [email.mime]
    assert (mail.mail_from, mail.recipients) == (email.envelope_from, ("ada@customer.example", "bob@customer.example"))


@pytest.mark.parametrize(
    ("recipient", "code"),
    [("bounce@anything.example", 550), ("ada+bounce@x.example", 550), ("ada+defer@x.example", 451), ("ada+full@x.example", 552)],
)
async def test_the_recipients_tag_decides_the_refusal(server: Running, recipient: str, code: int) -> None:
    client = await server.client()
    await client.ehlo()
    await client.mail("a@x.example")
    with pytest.raises((aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError)) as refusal:
        await client.rcpt(recipient)
        await client.data(b"Subject: x\r\n\r\n")
    assert refusal.value.code == code
    assert server.contents() == []
    await client.quit()


async def test_a_dropped_mail_is_stored_and_unanswered(server: Running) -> None:
    client = await server.client()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await client.sendmail("a@x.example", ["ada+drop@x.example"], b"Subject: x\r\n\r\n")
    assert len(server.contents()) == 1


async def test_a_slow_mail_is_answered_late(server: Running) -> None:
    started = time.perf_counter()
    assert await server.endings("ada@x.example", "ada+slow@x.example", "bob@x.example") == ["sent"] * 3
    assert time.perf_counter() - started >= 0.2


async def test_the_server_refuses_as_often_as_it_was_told(server: Running) -> None:
    server.house.faults.set("refuse", times=2)
    assert [await server.endings("ada@x.example") for _ in range(3)] == [["deferred"], ["deferred"], ["sent"]]


async def test_the_server_defers_and_drops_until_told_otherwise(server: Running) -> None:
    server.house.faults.set("defer", times=None)
    assert await server.endings("ada@x.example", "bob@x.example") == ["deferred"] * 2
    server.house.faults.set("drop_after_data", times=None)
    assert await server.endings("ada@x.example") == ["unknown"]
    server.house.faults.clear()
    assert await server.endings("ada@x.example") == ["sent"]
    assert len(server.contents()) == 2


async def test_a_slow_server_is_late_once(server: Running) -> None:
    server.house.faults.set("slow", times=1)
    started = time.perf_counter()
    assert await server.endings("ada@x.example") == ["sent"]
    assert time.perf_counter() - started >= 0.2
    assert server.house.faults.mode is None


async def test_pipelined_commands_are_answered_in_order(server: Running) -> None:
    one = b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 3\r\nabcBDAT 5 LAST\r\nde\r\n."
    bad = b"RSET\r\nMAIL FROM:<a@x>\r\nRCPT TO:<bounce@x>\r\nBDAT 4 LAST\r\nQUITRSET\r\n"
    heard = await talk(server, b"EHLO x\r\n", one, bad, b"NOOP\r\nVRFY x\r\nHELP\r\nQUIT\r\n")
    assert heard == ["220", "250", "250", "250", "250", "250", "250", "250", "550", "503", "250", "250", "252", "502", "221"]
    assert server.contents() == [b"abcde\r\n."]


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (b"MAIL FROM:<a@x>\r\n", "503"),
        (b"EHLO x\r\nRCPT TO:<a@x>\r\n", "503"),
        (b"EHLO x\r\nDATA\r\n", "503"),
        (b"EHLO x\r\nMAIL FROM:<a@x>\r\nDATA\r\n", "554"),
        (b"EHLO x\r\nMAIL FROM:<a@x>\r\nMAIL FROM:<a@x>\r\n", "503"),
        (b"EHLO x\r\nMAIL a@x\r\n", "501"),
        (b"EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT a@x\r\n", "501"),
        (b"EHLO x\r\nMAIL FROM:<a@x> SIZE=99999999\r\n", "552"),
        (b"EHLO x\r\nBDAT x LAST\r\n", "501"),
        (b"EHLO x\r\nBDAT 99999999 LAST\r\n", "552"),
        (b"x" * 5_000, "500"),
        (b"EHLO x\r\nMAIL FROM:<a@x>\r\n" + b"RCPT TO:<a@x>\r\n" * 101, "452"),
        (b"\xff\xfe\r\n", "502"),
    ],
)
async def test_what_is_out_of_order_or_over_a_limit_is_refused(server: Running, said: bytes, last: str) -> None:
    heard = await talk(server, said, b"QUIT\r\n")
    assert [code for code in heard if code != "221"][-1] == last


async def test_leaving_the_server_closes_its_connections(tmp_path: Path) -> None:
    house = House(inbox=Inbox(tmp_path), clock=SystemClock())
    async with listen(house, host="127.0.0.1", port=0) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        await reader.readline()
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(5):
            if not await reader.read():
                raise ConnectionResetError
    writer.close()


async def test_callers_over_the_limit_are_sent_away(tmp_path: Path) -> None:
    house = House(inbox=Inbox(tmp_path), clock=SystemClock(), connections_max=1)
    async with listen(house, host="127.0.0.1", port=0) as address:
        server = Running(house=house, address=address)
        client = await server.client()
        assert await server.endings("ada@x.example") == ["deferred"]
        await client.quit()
