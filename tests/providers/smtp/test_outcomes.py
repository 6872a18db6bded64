"""Every way a hand-over can end, against a server that follows a script."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.providers.conformance.email_transport import outgoing
from tests.providers.smtp.scripted import BREAK, SILENCE, Script

from nexusone.modules.marketing.ports import HandOver, OutgoingEmail
from nexusone.providers.smtp.address import parse_address
from nexusone.providers.smtp.session import Patience
from nexusone.providers.smtp.transport import SmtpTransport

QUICK = Patience(connect_seconds=2.0, command_seconds=0.2, data_seconds=0.2)
PLAIN: tuple[str, ...] = ()
PIPELINED = ("PIPELINING", "8BITMIME")
CHUNKED = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8")
ALL = pytest.mark.parametrize("offers", [PLAIN, PIPELINED, CHUNKED], ids=["plain", "pipelined", "chunked"])
STEPWISE = pytest.mark.parametrize("offers", [PLAIN, PIPELINED], ids=["plain", "pipelined"])


def emails(count: int) -> list[OutgoingEmail]:
    return [outgoing(f"p{number}@customer.example", number=number) for number in range(count)]


async def carried(script: Script, batch: Sequence[OutgoingEmail], *, patience: Patience = QUICK) -> list[HandOver]:
    async with script.play() as address:
        transport = SmtpTransport(parse_address(address), patience=patience)
        outcomes = await transport.hand_over(batch)
        await transport.close()
        return outcomes


def endings(outcomes: Sequence[HandOver]) -> list[str]:
    return [outcome.outcome for outcome in outcomes]


@ALL
async def test_everything_arrives_in_order_and_unchanged(offers: tuple[str, ...]) -> None:
    script, batch = Script(offers=offers), emails(20)
    assert endings(await carried(script, batch)) == ["sent"] * 20
    assert script.taken == [email.mime for email in batch]
    assert script.connections == 1


@ALL
@pytest.mark.parametrize(
    ("step", "reply", "ending", "code"),
    [
        ("MAIL", "450 later", "deferred", 450),
        ("MAIL", "550 sender unknown", "deferred", 550),
        ("RCPT", "450 greylisted", "deferred", 450),
        ("RCPT", "550 no such user", "failed", 550),
        ("content", "451 disk full", "deferred", 451),
        ("content", "554 spam", "failed", 554),
    ],
)
async def test_a_refusal_concerns_its_own_message_alone(offers: tuple[str, ...], step: str, reply: str, ending: str, code: int) -> None:
    outcomes = await carried(Script(offers=offers, turns={(step, 2): reply}), emails(3))
    assert endings(outcomes) == ["sent", ending, "sent"]
    assert (outcomes[1].code, outcomes[1].reason) == (code, reply[4:])


@STEPWISE
@pytest.mark.parametrize(("reply", "ending"), [("451 later", "deferred"), ("554 no", "failed")])
async def test_a_refusal_of_data_concerns_its_own_message_alone(offers: tuple[str, ...], reply: str, ending: str) -> None:
    assert endings(await carried(Script(offers=offers, turns={("DATA", 2): reply}), emails(3))) == ["sent", ending, "sent"]


@pytest.mark.parametrize("turn", [BREAK, SILENCE, "421 closing", "554 go away", "nonsense", "220-" + "x" * 70_000])
async def test_without_a_greeting_every_message_is_deferred(turn: str) -> None:
    assert endings(await carried(Script(turns={("greeting", 1): turn}), emails(2))) == ["deferred"] * 2


@pytest.mark.parametrize("turn", [BREAK, SILENCE, "421 closing", "550 go away"])
async def test_without_a_hello_every_message_is_deferred(turn: str) -> None:
    assert endings(await carried(Script(turns={("EHLO", 1): turn}), emails(2))) == ["deferred"] * 2


@STEPWISE
@pytest.mark.parametrize("turn", [BREAK, SILENCE])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
async def test_a_connection_lost_before_the_content_leaves_the_rest_deferred(offers: tuple[str, ...], step: str, turn: str) -> None:
    assert endings(await carried(Script(offers=offers, turns={(step, 2): turn}), emails(3))) == ["sent", "deferred", "deferred"]


@STEPWISE
@pytest.mark.parametrize("turn", [BREAK, SILENCE, "junk", "354 what"])
async def test_a_connection_lost_after_the_content_leaves_one_unknown(offers: tuple[str, ...], turn: str) -> None:
    assert endings(await carried(Script(offers=offers, turns={("content", 2): turn}), emails(3))) == ["sent", "unknown", "deferred"]


@pytest.mark.parametrize("turn", [BREAK, SILENCE])
@pytest.mark.parametrize("step", ["RSET", "MAIL", "RCPT", "content"])
async def test_with_chunking_what_has_gone_out_unanswered_is_unknown(step: str, turn: str) -> None:
    time = 1 if step == "RSET" else 2
    outcomes = await carried(Script(offers=CHUNKED, turns={(step, time): turn}), emails(3))
    assert endings(outcomes) == ["sent", "unknown", "unknown"]


async def test_with_chunking_a_refused_recipient_stays_failed_when_the_connection_breaks() -> None:
    script = Script(offers=CHUNKED, turns={("RCPT", 1): "550 no such user", ("content", 1): BREAK})
    assert endings(await carried(script, emails(2))) == ["failed", "unknown"]


async def test_with_chunking_messages_beyond_the_window_are_deferred() -> None:
    batch = [outgoing(f"p{number}@customer.example", number=number, body=b"x" * 998 + b"\r\n") for number in range(3)]
    large = outgoing("big@customer.example", number=9, body=b"0123456789\r\n" * 30_000)
    script = Script(offers=CHUNKED, turns={("content", 1): BREAK})
    assert endings(await carried(script, [*batch, large, batch[0]])) == ["unknown"] * 3 + ["deferred"] * 2


@ALL
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "content"])
async def test_a_server_that_says_goodbye_has_not_taken_the_rest(offers: tuple[str, ...], step: str) -> None:
    outcomes = await carried(Script(offers=offers, turns={(step, 2): "421 closing for a rest"}), emails(3))
    assert endings(outcomes) == ["sent", "deferred", "deferred"]
    assert outcomes[2].code == 421


@ALL
async def test_line_ends_are_made_whole_so_that_no_content_can_pass_for_commands(offers: tuple[str, ...]) -> None:
    email = outgoing("p@customer.example")
    smuggling = OutgoingEmail(
        message_id=email.message_id,
        envelope_from=email.envelope_from,
        recipient=email.recipient,
        mime=b"Subject: x\n\nbefore\n.\nMAIL FROM:<evil@example.com>\r.\rafter",
    )
    script = Script(offers=offers)
    assert endings(await carried(script, [smuggling])) == ["sent"]
    assert script.taken == [b"Subject: x\r\n\r\nbefore\r\n.\r\nMAIL FROM:<evil@example.com>\r\n.\r\nafter\r\n"]


@pytest.mark.parametrize("address", ["a@x\r\nRSET", "a> BODY=X@x", "<a@x>", "a\x00@x", "", "a" * 400 + "@x"])
async def test_an_address_that_would_be_more_than_an_address_is_failed_unsaid(address: str) -> None:
    email = OutgoingEmail(message_id="<1@x>", envelope_from="a@sender.example", recipient=address, mime=b"Subject: x\r\n\r\n")
    script = Script(offers=CHUNKED)
    assert endings(await carried(script, [email, *emails(1)])) == ["failed", "sent"]
    assert sum(line.startswith("RCPT") for line in script.heard) == 1


@pytest.mark.parametrize(
    ("offers", "recipient", "ending", "heard"),
    [
        (CHUNKED, "jürgen@bücher.example", "sent", "RCPT TO:<jürgen@bücher.example>"),
        (PIPELINED, "jo@bücher.example", "sent", "RCPT TO:<jo@xn--bcher-kva.example>"),
        (PIPELINED, "jürgen@bücher.example", "failed", None),
    ],
)
async def test_international_addresses_go_out_as_the_server_can_take_them(
    offers: tuple[str, ...], recipient: str, ending: str, heard: str | None
) -> None:
    script = Script(offers=offers)
    assert endings(await carried(script, [outgoing(recipient)])) == [ending]
    assert [line for line in script.heard if line.startswith("RCPT")] == ([heard] if heard else [])
    assert any("SMTPUTF8" in line for line in script.heard) == ("SMTPUTF8" in offers)


async def test_eight_bit_content_is_announced() -> None:
    script = Script(offers=PIPELINED)
    await carried(script, [outgoing("p@customer.example", body="Grüße\r\n".encode())])
    assert any(line.endswith("BODY=8BITMIME") for line in script.heard)


async def test_a_message_over_the_servers_size_is_failed_unsaid() -> None:
    outcomes = await carried(Script(offers=("SIZE 1000",)), [outgoing("p@customer.example", body=b"x" * 1_000 + b"\r\n"), *emails(1)])
    assert [(outcome.outcome, outcome.code) for outcome in outcomes] == [("failed", 552), ("sent", 250)]


async def test_an_old_server_without_extensions_is_greeted_the_old_way() -> None:
    script = Script(turns={("EHLO", 1): "502 what", ("HELO", 1): "250 hi"})
    assert endings(await carried(script, emails(1))) == ["sent"]


async def test_the_carriers_own_number_is_kept_as_the_reference() -> None:
    [outcome] = await carried(Script(turns={("content", 1): "250 2.0.0 Ok: queued as 4XyZ"}), emails(1))
    assert outcome.vendor_reference == "4XyZ"


async def test_what_is_over_the_batch_size_is_deferred() -> None:
    assert endings(await carried(Script(offers=CHUNKED), emails(22))) == ["sent"] * 20 + ["deferred"] * 2


async def test_a_connection_is_used_again() -> None:
    script = Script(offers=CHUNKED)
    async with script.play() as address:
        transport = SmtpTransport(parse_address(address), patience=QUICK)
        for _ in range(3):
            assert endings(await transport.hand_over(emails(2))) == ["sent"] * 2
        await transport.close()
    assert script.connections == 1


@pytest.mark.parametrize("turn", [BREAK, SILENCE, "421 closing", "500 what"])
async def test_a_connection_that_went_stale_is_replaced(turn: str) -> None:
    script = Script(offers=CHUNKED, turns={("RSET", 1): turn})
    async with script.play() as address:
        transport = SmtpTransport(parse_address(address), patience=QUICK)
        for _ in range(2):
            assert endings(await transport.hand_over(emails(1))) == ["sent"]
        await transport.close()
    assert script.connections == 2


async def test_an_idle_connection_is_closed_in_time() -> None:
    script = Script(offers=CHUNKED)
    async with script.play() as address:
        transport = SmtpTransport(parse_address(address), patience=QUICK, idle_seconds=0.05)
        await transport.hand_over(emails(1))
        await asyncio.sleep(0.2)
        assert script.heard[-1] == "QUIT"
        assert endings(await transport.hand_over(emails(1))) == ["sent"]
        await transport.close()
    assert script.connections == 2


async def test_no_more_connections_are_open_than_allowed() -> None:
    script = Script(offers=CHUNKED)
    async with script.play() as address:
        transport = SmtpTransport(parse_address(address), patience=QUICK, connections_max=2)
        await asyncio.gather(*(transport.hand_over(emails(1)) for _ in range(10)))
        await transport.close()
    assert script.connections == 2


async def test_a_cancelled_hand_over_does_not_leave_its_connection_for_others() -> None:
    script = Script(offers=CHUNKED, turns={("content", 1): SILENCE})
    async with script.play() as address:
        transport = SmtpTransport(parse_address(address), patience=Patience(data_seconds=30.0))
        task = asyncio.create_task(transport.hand_over(emails(1)))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert endings(await transport.hand_over(emails(1))) == ["sent"]
        await transport.close()
    assert script.connections == 2
