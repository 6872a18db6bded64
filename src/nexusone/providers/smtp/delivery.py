"""Hands one batch over on one session, as far ahead of the answers as the server's extensions allow.

With PIPELINING and CHUNKING whole messages follow each other unasked; with PIPELINING alone the envelope of the
next message follows the content of this one; without, one command at a time.
"""

from collections.abc import Iterator, Sequence

from nexusone.modules.marketing.ports import HandOver, OutgoingEmail
from nexusone.providers.smtp.envelope import Piece, deferred, prepare, refusal_of_envelope, verdict
from nexusone.providers.smtp.session import Session
from nexusone.providers.smtp.wire import Lost, Reply

WINDOW_BYTES = 262_144
RSET = b"RSET\r\n"
DATA = b"DATA\r\n"


class _Farewell(Exception):
    """The server said 421: it closes the connection and works on nothing further."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class Delivery:
    """One batch under way. `run` answers with one outcome per message, in order, and never raises for the network's sake."""

    def __init__(self, *, session: Session, batch: Sequence[OutgoingEmail]) -> None:
        self._session, self._wire, self._patience = session, session.wire, session.patience
        self._outcomes: list[HandOver | None] = [None] * len(batch)
        self._pieces: list[Piece] = []
        self._gone: set[int] = set()
        self._is_first = True
        self.is_intact = False
        for index, message in enumerate(batch):
            prepared = prepare(message, index=index, offers=session.offers)
            if isinstance(prepared, Piece):
                self._pieces.append(prepared)
            else:
                self._outcomes[index] = prepared

    async def run(self) -> list[HandOver]:
        """Hands everything over. `is_intact` says afterwards whether the session may be used again."""
        try:
            await self._hand_over()
            self.is_intact = self._wire.is_quiet
        except _Farewell as farewell:
            return [outcome or deferred(farewell.reply) for outcome in self._outcomes]
        except Lost as lost:
            return [outcome or self._without_answer(index, reason=str(lost)) for index, outcome in enumerate(self._outcomes)]
        return [outcome or self._without_answer(index, reason="not handed over") for index, outcome in enumerate(self._outcomes)]

    async def _hand_over(self) -> None:
        offers = self._session.offers
        if not offers.pipelining:
            for piece in self._pieces:
                await self._step(piece)
            return
        for window in _windows(self._pieces):
            if offers.chunking and len(window[0].content) <= WINDOW_BYTES:
                await self._stream(window)
            else:
                await self._overlap(window)

    async def _stream(self, window: Sequence[Piece]) -> None:
        parts = [self._fresh() + piece.chunked for piece in window]
        resets = [part.startswith(RSET) for part in parts]
        self._gone.update(piece.index for piece in window)
        await self._wire.write_all(b"".join(parts), timeout_seconds=self._patience.data_seconds)
        for piece, has_reset in zip(window, resets, strict=True):
            refusal = await self._envelope_answers(piece, has_reset=has_reset)
            answer = await self._content_answer()
            if refusal is None:
                self._settle(piece, answer)

    async def _overlap(self, pieces: Sequence[Piece]) -> None:
        envelopes = [self._fresh() + piece.mail + piece.rcpt + DATA for piece in pieces] + [b""]
        self._wire.write(envelopes[0])
        for piece, envelope, following in zip(pieces, envelopes, envelopes[1:], strict=False):
            refusal = await self._envelope_answers(piece, has_reset=envelope.startswith(RSET))
            go_ahead = await self._answer()
            if go_ahead.code != 354:
                if refusal is None:
                    self._outcomes[piece.index] = self._refused_data(go_ahead)
                self._wire.write(following)
                continue
            if refusal is None:
                self._gone.add(piece.index)
            content = piece.dotted if refusal is None else b".\r\n"
            await self._wire.write_all(content + following, timeout_seconds=self._patience.data_seconds)
            answer = await self._content_answer()
            if refusal is None:
                self._settle(piece, answer)

    async def _step(self, piece: Piece) -> None:
        if self._fresh():
            await self._ask(RSET)
        mail = await self._ask(piece.mail)
        rcpt = await self._ask(piece.rcpt) if mail.code // 100 == 2 else mail
        refusal = refusal_of_envelope(mail, rcpt)
        if refusal is None:
            go_ahead = await self._ask(DATA)
            refusal = None if go_ahead.code == 354 else self._refused_data(go_ahead)
        if refusal is not None:
            self._outcomes[piece.index] = refusal
            return
        self._gone.add(piece.index)
        await self._wire.write_all(piece.dotted, timeout_seconds=self._patience.data_seconds)
        self._settle(piece, await self._content_answer())

    def _fresh(self) -> bytes:
        # A refused recipient leaves its transaction open, and the next MAIL is already under way by then.
        reset, self._is_first = b"" if self._is_first else RSET, False
        return reset

    async def _envelope_answers(self, piece: Piece, *, has_reset: bool) -> HandOver | None:
        if has_reset:
            await self._answer()
        mail = await self._answer()
        if mail.code // 100 != 2:
            self._outcomes[piece.index] = deferred(mail)
        refusal = refusal_of_envelope(mail, await self._answer())
        if refusal is not None:
            self._outcomes[piece.index] = refusal
        return refusal

    @staticmethod
    def _refused_data(reply: Reply) -> HandOver:
        refusal = verdict(reply)
        if refusal is None or refusal.outcome == "sent":
            raise Lost(f"the server answered DATA with {reply.code}")
        return refusal

    def _settle(self, piece: Piece, answer: Reply) -> None:
        outcome = verdict(answer)
        if outcome is None:
            raise Lost(f"the server answered content with {answer.code}")
        self._outcomes[piece.index] = outcome

    async def _ask(self, command: bytes) -> Reply:
        self._wire.write(command)
        return await self._answer()

    async def _answer(self) -> Reply:
        return self._unless_farewell(await self._wire.reply(timeout_seconds=self._patience.command_seconds))

    async def _content_answer(self) -> Reply:
        return self._unless_farewell(await self._wire.reply(timeout_seconds=self._patience.data_seconds))

    @staticmethod
    def _unless_farewell(reply: Reply) -> Reply:
        if reply.code == 421:
            raise _Farewell(reply)
        return reply

    def _without_answer(self, index: int, *, reason: str) -> HandOver:
        return HandOver(outcome="unknown" if index in self._gone else "deferred", reason=reason)


def _windows(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    window: list[Piece] = []
    size_bytes = 0
    for piece in pieces:
        if window and size_bytes + len(piece.content) > WINDOW_BYTES:
            yield window
            window, size_bytes = [], 0
        window.append(piece)
        size_bytes += len(piece.content)
    if window:
        yield window
