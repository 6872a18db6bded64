"""One SMTP connection, server side: commands, DATA and BDAT in, replies out, as many as arrive at once."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Literal, cast

from nexusone.providers.smtp.simulation.faults import RecipientFault, fault_of
from nexusone.providers.smtp.simulation.house import House

MAIL_BYTES_MAX = 26_214_400
LINE_BYTES_MAX = 4_096
RECIPIENTS_MAX = 100
IDLE_SECONDS = 300.0
LINGER_SECONDS = 2.0

MAIL_COMMAND = re.compile(r"MAIL FROM: ?<([^<>]*)>(.*)", re.IGNORECASE)
RCPT_COMMAND = re.compile(r"RCPT TO: ?<([^<>]+)>(.*)", re.IGNORECASE)
SIZE_OPTION = re.compile(r"\bSIZE=(\d+)", re.IGNORECASE)
BDAT_COMMAND = re.compile(r"BDAT (\d{1,12})( LAST)?\s*", re.IGNORECASE)
OFFERS = ("nexusone sandbox", "PIPELINING", f"SIZE {MAIL_BYTES_MAX}", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES")


@dataclass(slots=True)
class _Transaction:
    mail_from: str | None = None
    recipients: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    fault: RecipientFault | None = None


class Receiver(asyncio.Protocol):
    """One connection's state. Input is worked off in `_work`; replies leave together once what they promise is stored."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._input = bytearray()
        self._output: list[bytes] = []
        self._mode: Literal["command", "data", "chunk", "paused", "closing"] = "command"
        self._is_greeted = False
        self._searched = 0
        self._chunk_bytes = 0
        self._is_last_chunk = False
        self._timer: asyncio.TimerHandle | None = None
        self._under_way = _Transaction()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._house.connections.add(self)
        self._wake_after(IDLE_SECONDS)
        if len(self._house.connections) > self._house.connections_max or self._house.faults.takes("refuse"):
            self._say(421, "4.3.2 not now")
            self._part()
        else:
            self._say(220, "nexusone sandbox ESMTP")
        self._send()

    def data_received(self, data: bytes) -> None:
        if self._mode == "closing":
            return
        self._wake_after(IDLE_SECONDS)
        self._input += data
        self._work()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._mode = "closing"
        self._house.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def hang_up(self) -> None:
        """Drops the connection."""
        self._mode = "closing"
        if self._transport is not None:
            self._transport.abort()

    def _work(self) -> None:
        is_moving = True
        while is_moving:
            if self._mode == "command":
                is_moving = self._take_command()
            elif self._mode == "data":
                is_moving = self._take_data()
            elif self._mode == "chunk":
                is_moving = self._take_chunk()
            else:
                is_moving = False
        self._send()

    def _take_command(self) -> bool:
        end = self._input.find(b"\n")
        if end > LINE_BYTES_MAX or (end < 0 and len(self._input) > LINE_BYTES_MAX):
            self._say(500, "5.5.2 line too long")
            self._part()
            return False
        if end < 0:
            return False
        line = bytes(self._input[:end]).decode("utf-8", "replace").rstrip("\r")
        del self._input[: end + 1]
        self._command(line)
        return True

    def _command(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "MAIL":
            self._mail(line)
        elif verb == "RCPT":
            self._rcpt(line)
        elif verb == "BDAT":
            self._bdat(line)
        elif verb == "DATA":
            self._data()
        elif verb == "RSET":
            self._forget_transaction()
            self._say(250, "2.0.0 reset")
        elif verb in ("EHLO", "HELO"):
            self._hello(is_extended=verb == "EHLO")
        elif verb == "NOOP":
            self._say(250, "2.0.0 still here")
        elif verb == "VRFY":
            self._say(252, "2.5.2 send it and see")
        elif verb == "QUIT":
            self._say(221, "2.0.0 bye")
            self._part()
        else:
            self._say(502, "5.5.1 no such command")

    def _hello(self, *, is_extended: bool) -> None:
        self._forget_transaction()
        self._is_greeted = True
        for offer in OFFERS[:-1] if is_extended else ():
            self._output.append(b"250-%b\r\n" % offer.encode())
        self._say(250, OFFERS[-1] if is_extended else OFFERS[0])

    def _mail(self, line: str) -> None:
        found = MAIL_COMMAND.fullmatch(line)
        size = SIZE_OPTION.search(found[2]) if found else None
        if self._house.faults.takes("refuse"):
            self._say(421, "4.3.2 not now")
            self._part()
        elif not self._is_greeted or self._under_way.mail_from is not None:
            self._say(503, "5.5.1 not at this point")
        elif found is None:
            self._say(501, "5.5.4 MAIL FROM:<address>")
        elif size is not None and int(size[1]) > MAIL_BYTES_MAX:
            self._say(552, "5.3.4 too large")
        else:
            self._under_way.mail_from = found[1]
            self._say(250, "2.1.0 ok")

    def _rcpt(self, line: str) -> None:
        found = RCPT_COMMAND.fullmatch(line)
        if self._under_way.mail_from is None:
            self._say(503, "5.5.1 MAIL comes first")
        elif found is None:
            self._say(501, "5.5.4 RCPT TO:<address>")
        elif len(self._under_way.recipients) >= RECIPIENTS_MAX:
            self._say(452, "4.5.3 too many recipients")
        else:
            self._recipient(found[1])

    def _recipient(self, address: str) -> None:
        fault = fault_of(address)
        if fault == "bounce":
            self._say(550, f"5.1.1 <{address}> no such mailbox")
        elif fault == "defer" or self._house.faults.takes("defer"):
            self._say(451, f"4.2.2 <{address}> try again later")
        else:
            self._under_way.recipients.append(address)
            self._under_way.fault = fault or self._under_way.fault
            self._say(250, "2.1.5 ok")

    def _data(self) -> None:
        if not self._under_way.recipients or self._under_way.chunks:
            self._say(503 if self._under_way.mail_from is None or self._under_way.chunks else 554, "5.5.1 no valid recipients")
            return
        self._mode, self._searched = "data", 0
        self._say(354, "go ahead, end with a lone dot")

    def _take_data(self) -> bool:
        if self._input.startswith(b".\r\n"):
            content, used = b"", 3
        else:
            end = self._input.find(b"\r\n.\r\n", self._searched)
            if end < 0:
                self._searched = max(0, len(self._input) - 4)
                if len(self._input) > MAIL_BYTES_MAX:
                    self._too_large()
                return False
            content, used = bytes(self._input[: end + 2]), end + 5
        del self._input[:used]
        self._mode = "command"
        self._store(content[content.startswith(b".") :].replace(b"\r\n..", b"\r\n."))
        return True

    def _bdat(self, line: str) -> None:
        found = BDAT_COMMAND.fullmatch(line)
        if found is None:
            # How much content follows is not known, so nothing after it could be read as commands.
            self._say(501, "5.5.4 BDAT size [LAST]")
            self._part()
            return
        self._chunk_bytes, self._is_last_chunk = int(found[1]), found[2] is not None
        self._mode = "chunk"
        if self._chunk_bytes + sum(map(len, self._under_way.chunks)) > MAIL_BYTES_MAX:
            self._too_large()

    def _take_chunk(self) -> bool:
        if len(self._input) < self._chunk_bytes:
            return False
        chunk = bytes(self._input[: self._chunk_bytes])
        del self._input[: self._chunk_bytes]
        self._mode = "command"
        if not self._under_way.recipients:
            self._say(503, "5.5.1 no valid recipients")
        elif not self._is_last_chunk:
            self._under_way.chunks.append(chunk)
            self._say(250, f"2.0.0 {len(chunk)} bytes taken")
        else:
            self._store(b"".join(self._under_way.chunks) + chunk)
        return True

    def _too_large(self) -> None:
        self._say(552, "5.3.4 too large")
        self._part()

    def _store(self, content: bytes) -> None:
        fault = self._under_way.fault
        if fault == "full":
            self._forget_transaction()
            self._say(552, "5.2.2 mailbox full")
            return
        mail = self._house.inbox.add(
            mail_from=self._under_way.mail_from or "",
            recipients=tuple(self._under_way.recipients),
            content=content,
            received_at=self._house.clock.now(),
        )
        self._forget_transaction()
        if fault == "drop" or self._house.faults.takes("drop_after_data"):
            self._part()
            return
        self._say(250, f"2.0.0 ok, queued as {mail.id}")
        if fault == "slow" or self._house.faults.takes("slow"):
            self._pause()

    def _pause(self) -> None:
        late = self._output.pop()
        self._mode = "paused"
        if self._transport is not None:
            self._transport.pause_reading()
        self._loop.call_later(self._house.slow_seconds, self._go_on, late)

    def _go_on(self, late: bytes) -> None:
        if self._mode == "paused":
            self._mode = "command"
            if self._transport is not None:
                self._transport.resume_reading()
            self._output.append(late)
            self._work()

    def _forget_transaction(self) -> None:
        self._under_way = _Transaction()

    def _say(self, code: int, text: str) -> None:
        self._output.append(f"{code} {text}\r\n".encode("utf-8", "replace"))

    def _part(self) -> None:
        # Closing with input unread would reset the connection and take earlier answers with it.
        self._mode = "closing"
        self._input.clear()
        self._wake_after(LINGER_SECONDS)

    def _send(self) -> None:
        self._house.inbox.flush()
        if self._transport is None or self._transport.is_closing():
            return
        if self._output:
            self._transport.write(b"".join(self._output))
            self._output.clear()
        if self._mode == "closing":
            self._transport.write_eof()

    def _wake_after(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self.hang_up)
