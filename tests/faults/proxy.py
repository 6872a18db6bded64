"""A TCP proxy before PostgreSQL that loses answers, freezes or cuts the line when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit, urlunsplit


@dataclass
class Proxy:
    """`url` is the database's address through the proxy. A fault that is armed strikes once, after the `spared` ones."""

    url: str
    loses_answer_to: bytes | None = None
    cuts_before: bytes | None = None
    is_flowing: asyncio.Event = field(default_factory=asyncio.Event)
    struck: int = 0
    spared: int = 0

    def freeze(self) -> None:
        """Lets no byte through until `thaw`."""
        self.is_flowing.clear()

    def thaw(self) -> None:
        """Lets bytes through again."""
        self.is_flowing.set()


@asynccontextmanager
async def proxy_before(url: str) -> AsyncIterator[Proxy]:
    """A proxy before the server that `url` names by the folder of its unix socket, or by host and port."""
    parts = urlsplit(url)
    made = Proxy(url="")
    made.thaw()
    closing = asyncio.Event()
    links: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_link(made, url, reader, writer, closing))
        links.add(task)
        task.add_done_callback(links.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    login = parts.netloc.rpartition("@")[0]
    made.url = urlunsplit((parts.scheme, f"{login}@127.0.0.1:{port}", parts.path, "", ""))
    try:
        yield made
    finally:
        server.close()
        closing.set()
        await asyncio.gather(*links)


async def _link(proxy: Proxy, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, closing: asyncio.Event) -> None:
    far_reader, far_writer = await _connect(url)
    is_losing = asyncio.Event()

    async def forth() -> None:
        while sent := await reader.read(65536):
            await proxy.is_flowing.wait()
            if proxy.cuts_before is not None and proxy.cuts_before in sent:
                proxy.cuts_before, proxy.struck = None, proxy.struck + 1
                return
            if proxy.loses_answer_to is not None and proxy.loses_answer_to in sent and proxy.spared > 0:
                proxy.spared -= 1
            elif proxy.loses_answer_to is not None and proxy.loses_answer_to in sent:
                proxy.loses_answer_to, proxy.struck = None, proxy.struck + 1
                is_losing.set()
            far_writer.write(sent)
            await far_writer.drain()

    async def back() -> None:
        while answered := await far_reader.read(65536):
            await proxy.is_flowing.wait()
            if is_losing.is_set():
                return
            writer.write(answered)
            await writer.drain()

    ways = [asyncio.create_task(forth()), asyncio.create_task(back()), asyncio.create_task(closing.wait())]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    for end in (writer, far_writer):
        end.transport.abort()


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    folder = parse_qs(parts.query).get("host")
    if folder:
        return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.5432")
    return await asyncio.open_connection(parts.hostname, parts.port)
