"""Reference rates, read as they are published; on real sockets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from nexusone.apps.serving import bind, serving
from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.ecb.rates import SERIES, EcbRates, build_rates
from nexusone.providers.ecb.simulator import build_app

FRIDAY, SUNDAY = date(2026, 5, 1), date(2026, 5, 3)


@asynccontextmanager
async def rates_of(app: Starlette) -> AsyncIterator[EcbRates]:
    """The rates as the composition builds them, from an app."""
    listener = bind("127.0.0.1", 0)
    async with serving(Starlette(routes=[Mount("/ecb", app)]), listener):
        made = build_rates(ProviderSetup(address=f"http://127.0.0.1:{listener.getsockname()[1]}/ecb", credentials={}, is_sandbox=True))
        yield made
        await made.close()


def saying(text: str, status: int = 200) -> Starlette:
    """A bank that always says the same."""

    async def answer(_: Request) -> Response:
        return PlainTextResponse(text, status)

    handler: Callable[[Request], Awaitable[Response]] = answer
    return Starlette(routes=[Route(SERIES, handler)])


async def test_rates_are_exact_and_absent_on_weekends() -> None:
    async with rates_of(build_app()) as rates:
        found = await rates.rates(since=FRIDAY, until=SUNDAY)
        assert {rate.rate_on for rate in found} == {FRIDAY}
        assert {rate.reference for rate in found} == {"EUR"}
        assert len({rate.currency for rate in found}) == len(found) > 20
        assert found == await rates.rates(since=FRIDAY, until=FRIDAY)
        assert await rates.rates(since=date(2026, 5, 2), until=SUNDAY) == []


async def test_a_day_without_a_value_is_left_out() -> None:
    table = "CURRENCY,TIME_PERIOD,OBS_VALUE\nUSD,2026-05-01,1.1585\nUSD,2026-05-04,NaN\nUSD,2026-05-05,\nRUB,x,1\n"
    async with rates_of(saying(table)) as rates:
        (found,) = await rates.rates(since=FRIDAY, until=SUNDAY)
    assert (found.currency, found.rate_pico) == ("USD", 1_158_500_000_000)


@pytest.mark.parametrize(("text", "status", "is_retryable"), [("<html>", 200, True), ("no", 503, True), ("no", 400, False)])
async def test_what_is_no_table_is_a_failure(text: str, status: int, is_retryable: bool) -> None:
    async with rates_of(saying(text, status)) as rates:
        with pytest.raises(DefiniteFailure) as caught:
            await rates.rates(since=FRIDAY, until=SUNDAY)
    assert caught.value.is_retryable is is_retryable
