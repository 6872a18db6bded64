"""A mail server that follows a script: which extensions it offers, what it answers at which step, where it breaks off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

BREAK = "break"
SILENCE = "silence"
SILENCE_SECONDS = 0.6
ANSWERS = {
    "greeting": "220 hello",
    "RSET": "250 ok",
    "NOOP": "250 ok",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    "content": "250 taken",
    "QUIT": "221 bye",
}


@dataclass(slots=True)
class Script:
    """`turns` maps (step, how manieth time, from 1) to a reply, BREAK or SILENCE. `taken` are the contents, unstuffed."""

    offers: tuple[str, ...] = ()
    turns: dict[tuple[str, int], str] = field(default_factory=dict)
    taken: list[bytes] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    connections: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def turn(self, step: str) -> str:
        """What to do now."""
        self.counts[step] = self.counts.get(step, 0) + 1
        return self.turns.get((step, self.counts[step]), ANSWERS.get(step, "502 what"))

    @asynccontextmanager
    async def play(self) -> AsyncIterator[str]:
        """Serves until left; yields the address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        try:
            yield f"smtp://{host}:{port}"
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if await self._say(writer, "greeting"):
                while line := await reader.readline():
                    if not await self._hear(line.decode().rstrip(), reader, writer):
                        break
            writer.write_eof()
            # Input left unread would reset the connection and swallow earlier answers.
            while await reader.read(65_536):
                pass
        except OSError:
            pass
        finally:
            writer.close()

    async def _hear(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.heard.append(line)
        verb = line[:4].upper()
        if verb == "EHLO":
            turn = self.turns.get(("EHLO", 1)) or "".join(f"250-{offer}\r\n" for offer in ("scripted", *self.offers)) + "250 HELP"
            return await self._act(turn, writer)
        if verb == "BDAT":
            content = await reader.readexactly(int(line.split()[1]))
            return await self._content(content, writer)
        if not await self._say(writer, verb):
            return False
        if verb == "DATA" and self.turns.get(("DATA", self.counts["DATA"]), "354").startswith("354"):
            content = b""
            while (text := await reader.readline()) not in (b".\r\n", b""):
                content += text[text.startswith(b".") :]
            return await self._content(content, writer)
        return verb != "QUIT"

    async def _content(self, content: bytes, writer: asyncio.StreamWriter) -> bool:
        self.taken.append(content)
        return await self._say(writer, "content")

    async def _say(self, writer: asyncio.StreamWriter, step: str) -> bool:
        return await self._act(self.turn(step), writer)

    @staticmethod
    async def _act(turn: str, writer: asyncio.StreamWriter) -> bool:
        if turn == BREAK:
            return False
        if turn == SILENCE:
            await asyncio.sleep(SILENCE_SECONDS)
            return False
        writer.write(turn.encode() + b"\r\n")
        await writer.drain()
        return True
