"""The outgoing HTTP client against addresses that must not be reached, and against servers that answer badly."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.platform.addresses import LIVE, AddressRefused, check_url, is_public, sandbox_reach
from nexusone.platform.http import OutgoingHttp

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def speaking(origin: str, *, total_seconds: float = 15) -> AsyncIterator[OutgoingHttp]:
    http = OutgoingHttp(sandbox_reach(origin), total_seconds=total_seconds)
    try:
        yield http
    finally:
        await http.close()


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


def vectors(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "vectors" / "ssrf_ip_vectors.txt").read_text(encoding="utf-8").splitlines()
    return [(line.split()[0], line.split()[1]) for line in lines if line and not line.startswith("#")]


def test_whk_09_every_address_of_the_vectors_is_judged_as_they_say(shared_folder: Path) -> None:
    listed = vectors(shared_folder)
    assert len(listed) == 43
    assert [(verdict, address) for verdict, address in listed if is_public(address) != (verdict == "allow")] == []


async def test_whk_09_a_host_that_resolves_to_any_denied_address_is_not_connected_to(shared_folder: Path) -> None:
    for verdict, address in vectors(shared_folder):
        if verdict == "allow":
            continue

        async def look_up(host: str, port: int, address: str = address) -> list[str]:
            return ["8.8.8.8", address]

        http = OutgoingHttp(LIVE, look_up=look_up)
        with pytest.raises(AddressRefused):
            await http.request("GET", "https://hooks.example.com/")
        await http.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://example.com:22/",
        "https://example.com:5432/",
        "https://user:pass@example.com/",
        "https://user@example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0x7f.0.0.1/",
        "https://127.1/",
        "https://10.0.0.0x1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https://ex\u00e4mple.com/",
        "https://",
        "https://[::1",
        "https://example.com:99999/",
        "//example.com/",
        "https://exam_ple..com/",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_whk_09_an_address_that_is_not_plainly_public_https_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, reach=LIVE)


@pytest.mark.parametrize("url", ["https://example.com/a?b=c", "https://example.com:8443/", "https://1.1.1.1/", "https://EXAMPLE.com./"])
def test_a_public_https_address_is_not_refused(url: str) -> None:
    check_url(url, reach=LIVE)


async def test_whk_09_numeric_hosts_that_only_the_system_understands_are_refused_when_resolved() -> None:
    async def look_up(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    http = OutgoingHttp(LIVE, look_up=look_up)
    with pytest.raises(AddressRefused):
        await http.request("GET", "https://localhost.localdomain/")
    await http.close()


async def test_whk_09_a_name_is_looked_up_once_for_each_connection_and_judged_each_time() -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) > 1 else ["203.0.113.1"]

    http = OutgoingHttp(LIVE, look_up=rebinding, total_seconds=1)
    for _ in range(2):
        with pytest.raises(AddressRefused):
            await http.request("GET", "https://rebinding.example.com/")
    assert len(asked) == 2
    await http.close()


async def test_whk_09_in_the_sandbox_nothing_but_the_simulators_origin_is_reached() -> None:
    async with server(hello) as simulator, server(hello) as stranger, speaking(simulator) as http:
        assert (await http.request("GET", f"{simulator}/x")).body == b"hello"
        for url in (f"{stranger}/", "https://example.com/", simulator.replace("127.0.0.1", "localhost")):
            with pytest.raises(AddressRefused):
                await http.request("GET", url)


def test_a_simulator_elsewhere_is_no_simulator() -> None:
    with pytest.raises(ValueError, match="not on this machine"):
        sandbox_reach("http://10.0.0.1:80")


async def test_whk_09_in_live_mode_loopback_is_not_reached() -> None:
    async with server(hello) as simulator:
        http = OutgoingHttp(LIVE)
        with pytest.raises(AddressRefused):
            await http.request("GET", simulator)
        await http.close()


async def test_whk_09_a_redirect_is_an_answer_and_not_followed() -> None:
    paths: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with server(redirect) as origin, speaking(origin) as http:
        answer = await http.request("GET", f"{origin}/start")
        assert (answer.status, paths) == (302, ["/start"])


async def test_an_answer_over_its_limit_is_cut_off() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10_000):
            await response.write(b"x" * 10_000)
        return response

    async with server(endless) as origin, speaking(origin) as http:
        with pytest.raises(UnknownOutcome):
            await http.request("GET", origin, answer_bytes_max=50_000)


async def test_an_answer_that_was_packed_unasked_is_refused_unread() -> None:
    async def packed(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    async with server(packed) as origin, speaking(origin) as http:
        with pytest.raises(UnknownOutcome):
            await http.request("GET", origin)


async def test_a_server_that_does_not_answer_costs_no_more_than_the_time_allowed() -> None:
    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise AssertionError("unreachable")

    async with server(silent) as origin, speaking(origin, total_seconds=0.3) as http:
        with pytest.raises(UnknownOutcome):
            await http.request("GET", origin)


async def test_nobody_listening_is_a_definite_failure() -> None:
    async with server(hello) as origin:
        pass
    async with speaking(origin) as http:
        with pytest.raises(DefiniteFailure) as failed:
            await http.request("GET", origin)
        assert failed.value.is_retryable


async def test_cookies_are_not_kept_from_one_request_to_the_next() -> None:
    seen: list[str | None] = []

    async def setting(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "a=b"})

    async with server(setting) as origin, speaking(origin) as http:
        await http.request("GET", origin)
        await http.request("GET", origin)
    assert seen == [None, None]
