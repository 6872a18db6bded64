"""What every EmailTransport must do, whoever the vendor. A vendor's test subclasses the suite and gives it an `outlet`."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Literal, Protocol

import pytest

from nexusone.modules.marketing.ports import EmailTransport, OutgoingEmail

Ending = Literal["sent", "failed", "deferred", "unknown"]

MIXED: tuple[tuple[Ending, ...], ...] = (
    ("sent", "failed", "sent", "deferred", "sent"),
    ("failed", "failed", "sent"),
    ("deferred", "sent"),
    ("failed",),
    ("deferred",),
    ("sent", "sent", "failed", "deferred"),
)
AWKWARD: dict[str, bytes] = {
    "a lone dot": b"before\r\n.\r\nafter\r\n",
    "dots at line starts": b".one\r\n..two\r\n...three\r\n.\r\n..\r\n",
    "a dot first of all and last of all": b".\r\nmiddle\r\n.\r\n",
    "long lines": b"x" * 5_000 + b"\r\n." + b"y" * 70_000 + b"\r\n",
    "words that look like commands": b"QUIT\r\nMAIL FROM:<evil@example.com>\r\nRSET\r\n",
    "eight bits": "Grüße, 漢字, 🎈\r\n".encode(),
    "empty lines at the end": b"text\r\n\r\n\r\n",
    "no content": b"",
    "half a megabyte": b"0123456789abcdef\r\n" * 29_000,
}


class Outlet(Protocol):
    """A transport and the simulated vendor behind it."""

    @property
    def transport(self) -> EmailTransport: ...

    @property
    def unreachable(self) -> EmailTransport:
        """A transport of the same kind whose vendor does not answer."""
        ...

    def address(self, ending: Ending, *, name: str) -> str:
        """A recipient, different for every name, whose mail ends so."""
        ...

    async def arrived(self) -> Sequence[bytes]:
        """The raw messages the vendor took."""
        ...


def outgoing(recipient: str, *, number: int = 0, body: bytes = b"Hello\r\n") -> OutgoingEmail:
    """A small finished message."""
    message_id = f"<{number}.{recipient}>"
    head = f"From: Shop <shop@sender.example>\r\nTo: {recipient}\r\nSubject: No. {number}\r\nMessage-ID: {message_id}\r\n\r\n"
    return OutgoingEmail(message_id=message_id, envelope_from="bounces@sender.example", recipient=recipient, mime=head.encode() + body)


def message_ids(contents: Sequence[bytes]) -> Counter[str]:
    """How often each Message-ID arrived."""
    lines = (line for content in contents for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n"))
    return Counter(line[len("Message-ID: ") :].decode() for line in lines if line.startswith(b"Message-ID: "))


class EmailTransportConformance:
    """Subclass it, and define a fixture `outlet`."""

    async def test_an_empty_batch_has_no_outcomes(self, outlet: Outlet) -> None:
        assert await outlet.transport.hand_over([]) == []

    async def test_the_limits_are_positive(self, outlet: Outlet) -> None:
        assert outlet.transport.batch_size_max >= 1
        assert outlet.transport.connections_max >= 1

    async def test_a_taken_message_is_sent_and_arrives(self, outlet: Outlet) -> None:
        email = outgoing(outlet.address("sent", name="ada"))
        [outcome] = await outlet.transport.hand_over([email])
        assert outcome.outcome == "sent"
        assert list(await outlet.arrived()) == [email.mime]

    @pytest.mark.parametrize("endings", MIXED, ids=" ".join)
    async def test_outcomes_come_in_the_order_of_the_messages(self, outlet: Outlet, endings: tuple[Ending, ...]) -> None:
        batch = [outgoing(outlet.address(ending, name=f"p{place}"), number=place) for place, ending in enumerate(endings)]
        outcomes = await outlet.transport.hand_over(batch)
        assert [outcome.outcome for outcome in outcomes] == list(endings)
        taken = Counter(email.message_id for email, ending in zip(batch, endings, strict=True) if ending == "sent")
        assert message_ids(await outlet.arrived()) == taken

    async def test_a_refusal_carries_the_vendors_code_and_words(self, outlet: Outlet) -> None:
        batch = [outgoing(outlet.address("failed", name="nobody")), outgoing(outlet.address("deferred", name="busy"), number=1)]
        for outcome in await outlet.transport.hand_over(batch):
            assert outcome.code
            assert outcome.reason

    async def test_done_but_unanswered_is_unknown(self, outlet: Outlet) -> None:
        email = outgoing(outlet.address("unknown", name="silent"))
        [outcome] = await outlet.transport.hand_over([email])
        assert outcome.outcome == "unknown"
        assert message_ids(await outlet.arrived()) == {email.message_id: 1}

    async def test_after_a_broken_connection_nothing_is_called_deferred_that_arrived(self, outlet: Outlet) -> None:
        endings: tuple[Ending, ...] = ("sent", "unknown", "sent", "sent")
        batch = [outgoing(outlet.address(ending, name=f"p{place}"), number=place) for place, ending in enumerate(endings)]
        outcomes = await outlet.transport.hand_over(batch)
        assert outcomes[1].outcome == "unknown"
        arrived = message_ids(await outlet.arrived())
        for email, outcome in zip(batch, outcomes, strict=True):
            assert arrived[email.message_id] <= 1
            assert outcome.outcome != "sent" or arrived[email.message_id] == 1
            assert outcome.outcome not in ("deferred", "failed") or arrived[email.message_id] == 0

    async def test_a_transport_works_on_after_a_broken_connection(self, outlet: Outlet) -> None:
        await outlet.transport.hand_over([outgoing(outlet.address("unknown", name="silent"))])
        [outcome] = await outlet.transport.hand_over([outgoing(outlet.address("sent", name="ada"))])
        assert outcome.outcome == "sent"

    async def test_without_a_vendor_every_message_is_deferred(self, outlet: Outlet) -> None:
        batch = [outgoing(outlet.address("sent", name=f"p{place}"), number=place) for place in range(3)]
        assert [outcome.outcome for outcome in await outlet.unreachable.hand_over(batch)] == ["deferred"] * 3

    @pytest.mark.parametrize("body", AWKWARD.values(), ids=AWKWARD.keys())
    async def test_content_survives_byte_for_byte(self, outlet: Outlet, body: bytes) -> None:
        email = outgoing(outlet.address("sent", name="ada"), body=body)
        batch = [email, outgoing(outlet.address("sent", name="bob"), number=1)][: outlet.transport.batch_size_max]
        assert {outcome.outcome for outcome in await outlet.transport.hand_over(batch)} == {"sent"}
        arrived = await outlet.arrived()
        assert email.mime in arrived
        assert len(arrived) == len(batch)

    async def test_a_thousand_messages_over_all_connections_arrive_exactly_once(self, outlet: Outlet) -> None:
        emails = [outgoing(outlet.address("sent", name=f"p{number}"), number=number) for number in range(1_000)]
        size = outlet.transport.batch_size_max
        batches = [emails[start : start + size] for start in range(0, len(emails), size)]
        free = asyncio.Semaphore(outlet.transport.connections_max)

        async def carry(batch: Sequence[OutgoingEmail]) -> Counter[str]:
            async with free:
                return Counter(outcome.outcome for outcome in await outlet.transport.hand_over(batch))

        counted = await asyncio.gather(*(carry(batch) for batch in batches))
        assert sum(counted, Counter()) == {"sent": 1_000}
        assert message_ids(await outlet.arrived()) == Counter(email.message_id for email in emails)

    async def test_a_closed_transport_defers(self, outlet: Outlet) -> None:
        await outlet.transport.close()
        [outcome] = await outlet.transport.hand_over([outgoing(outlet.address("sent", name="ada"))])
        assert outcome.outcome == "deferred"
