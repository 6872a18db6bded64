"""A load of keep-alive GET requests from raw sockets, light enough to saturate one server process from one core."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Load:
    """What a load came to: answers per second, and the latencies in milliseconds at the 50th, 95th and 99th percentile."""

    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    count: int


async def load(url: str, *, headers: Mapping[str, str], seconds: float, connections: int, per_second: float | None = None) -> Load:
    """Asks as fast as the server answers, or at a steady pace; every answer must be a 200."""
    parts = urlsplit(url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n{lines}\r\n".encode()
    latencies: list[float] = []
    began = time.perf_counter()
    ends_at = began + seconds
    pause = connections / per_second if per_second else 0.0
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    await asyncio.gather(*(_ask(host, port, request, ends_at, pause, number / connections, latencies) for number in range(connections)))
    taken = time.perf_counter() - began
    latencies.sort()
    return Load(
        per_second=len(latencies) / taken,
        p50_ms=1000 * latencies[len(latencies) // 2],
        p95_ms=1000 * latencies[int(len(latencies) * 0.95)],
        p99_ms=1000 * latencies[int(len(latencies) * 0.99)],
        count=len(latencies),
    )


async def _ask(host: str, port: int, request: bytes, ends_at: float, pause: float, share: float, latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    due = time.perf_counter() + pause * share
    while (now := time.perf_counter()) < ends_at:
        if pause and due > now:
            await asyncio.sleep(due - now)
        # At a steady pace the wait in line counts too, or a slow server would hide its own delay.
        asked_at = due if pause else now
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode(errors="replace").splitlines()[0])
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - asked_at)
        due += pause
    writer.close()
