"""E-mail over SMTP: a pool of conversations with one server."""

import asyncio
import ssl
from collections.abc import Sequence

from nexusone.modules.marketing.ports import HandOver, OutgoingEmail
from nexusone.providers.smtp.address import SmtpAddress
from nexusone.providers.smtp.delivery import Delivery
from nexusone.providers.smtp.session import NoSession, Patience, Session, open_session

CONNECTIONS_MAX = 8
BATCH_SIZE_MAX = 20
IDLE_SECONDS = 30.0


class SmtpTransport:
    """An EmailTransport. `tls` replaces the machine's trusted certificates; `idle_seconds` is how long an unused connection stays."""

    def __init__(
        self,
        address: SmtpAddress,
        *,
        connections_max: int = CONNECTIONS_MAX,
        batch_size_max: int = BATCH_SIZE_MAX,
        idle_seconds: float = IDLE_SECONDS,
        patience: Patience | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address, self._connections_max, self._batch_size_max = address, connections_max, batch_size_max
        self._idle_seconds = idle_seconds
        self._patience = patience or Patience()
        self._tls = tls or ssl.create_default_context()
        self._slots = asyncio.Semaphore(connections_max)
        self._idle: dict[Session, asyncio.TimerHandle] = {}
        self._is_closed = False

    @property
    def batch_size_max(self) -> int:
        """The most messages one hand-over takes; what is over it is deferred."""
        return self._batch_size_max

    @property
    def connections_max(self) -> int:
        """The most connections open at once; further hand-overs wait."""
        return self._connections_max

    async def hand_over(self, batch: Sequence[OutgoingEmail]) -> list[HandOver]:
        """Hands a batch over on one connection; see EmailTransport."""
        if not batch:
            return []
        accepted, excess = batch[: self._batch_size_max], batch[self._batch_size_max :]
        async with self._slots:
            outcomes = await self._hand_over(accepted)
        return outcomes + _all_deferred(excess, reason=f"over {self._batch_size_max} messages in one hand-over")

    async def close(self) -> None:
        """Closes idle connections now and busy ones when their batch is done; later hand-overs are deferred."""
        self._is_closed = True
        while self._idle:
            self._take_idle().wire.leave()

    async def _hand_over(self, batch: Sequence[OutgoingEmail]) -> list[HandOver]:
        if self._is_closed:
            return _all_deferred(batch, reason="the transport is closed")
        try:
            session = await self._session()
        except NoSession as refusal:
            return _all_deferred(batch, reason=refusal.reason, code=refusal.code)
        delivery = Delivery(session=session, batch=batch)
        try:
            return await delivery.run()
        finally:
            self._release(session, is_intact=delivery.is_intact)

    async def _session(self) -> Session:
        while self._idle:
            session = self._take_idle()
            is_alive = False
            try:
                is_alive = await session.is_alive()
            finally:
                if not is_alive:
                    session.wire.abort()
            if is_alive:
                return session
        return await open_session(self._address, patience=self._patience, tls=self._tls)

    def _take_idle(self) -> Session:
        session, timer = self._idle.popitem()
        timer.cancel()
        return session

    def _release(self, session: Session, *, is_intact: bool) -> None:
        if not is_intact:
            session.wire.abort()
        elif self._is_closed:
            session.wire.leave()
        else:
            loop = asyncio.get_running_loop()
            self._idle[session] = loop.call_later(self._idle_seconds, self._expire, session)

    def _expire(self, session: Session) -> None:
        del self._idle[session]
        session.wire.leave()


def _all_deferred(batch: Sequence[OutgoingEmail], *, reason: str, code: int | None = None) -> list[HandOver]:
    return [HandOver(outcome="deferred", code=code, reason=reason) for _ in batch]
