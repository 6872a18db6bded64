"""A mail server that takes everything and keeps nothing: the sink of PERF-06. Prints its port, serves until ended."""

import asyncio
import sys
from typing import cast

import uvloop

GREETING = b"220 sink ESMTP\r\n"
OFFERS = b"250-sink\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n"
TAKEN = b"250 2.0.0 taken\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.is_reading_content = False
        self.chunk_bytes = 0
        self.chunk_ends_mail = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        answers = bytearray()
        while (answer := self.step()) is not None:
            answers += answer
        if answers:
            self.transport.write(bytes(answers))

    def step(self) -> bytes | None:
        if self.chunk_bytes:
            taken = min(self.chunk_bytes, len(self.buffer))
            del self.buffer[:taken]
            self.chunk_bytes -= taken
            return None if self.chunk_bytes else TAKEN
        if self.is_reading_content:
            end = self.buffer.find(b"\r\n.\r\n")
            if end < 0:
                return None
            del self.buffer[: end + 5]
            self.is_reading_content = False
            return TAKEN
        end = self.buffer.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return self.obey(line)

    def obey(self, line: bytes) -> bytes:
        word = line[:4].upper()
        if word == b"EHLO":
            return OFFERS
        if word == b"DATA":
            self.is_reading_content = True
            return b"354 go ahead\r\n"
        if word == b"BDAT":
            self.chunk_bytes = int(line.split()[1])
            return b"" if self.chunk_bytes else TAKEN
        if word == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
            return b""
        return b"250 2.1.0 ok\r\n"


async def serve() -> None:
    listener = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    sys.stdout.write(f"{listener.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await listener.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
