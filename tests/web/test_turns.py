"""Turns: a crowd of one caller waits behind itself, and a refusal is repeated without asking again."""

import asyncio

import pytest
from tests.web.test_rates import Deploy, deployed

from nexusone.kernel.errors import RateLimited
from nexusone.web import turns
from nexusone.web.turns import WAITING_MAX, Turns

__all__ = ["deployed"]


def _refusal(wait: int) -> RateLimited:
    headers = {"RateLimit-Policy": '"default";q=5;w=60', "RateLimit": f'"default";r=0;t={wait}', "Retry-After": str(wait)}
    return RateLimited(headers=headers, violated_policies=["default"], wait_seconds=wait)


async def test_ten_12_a_crowd_holds_no_more_than_its_places_and_comes_in_as_it_came() -> None:
    lines = Turns(3)
    inside, most, order = 0, 0, []

    async def come(number: int) -> None:
        nonlocal inside, most
        async with lines.turn("loud"):
            inside += 1
            most = max(most, inside)
            order.append(number)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(come(number) for number in range(20)))
    assert (most, order) == (3, list(range(20)))


async def test_ten_12_who_is_quiet_does_not_wait_behind_a_crowd() -> None:
    lines = Turns(1)
    async with lines.turn("loud"):
        crowd = [asyncio.create_task(_wait(lines)) for _ in range(10)]
        await asyncio.sleep(0)
        async with asyncio.timeout(1), lines.turn("quiet"):
            assert not any(each.done() for each in crowd)
    await asyncio.gather(*crowd)


async def test_a_line_has_an_end() -> None:
    lines = Turns(1)
    async with lines.turn("loud"):
        crowd = [asyncio.create_task(_wait(lines)) for _ in range(WAITING_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(RateLimited) as refused:
            async with lines.turn("loud"):
                pass
        assert refused.value.headers["Retry-After"] == "1"
    await asyncio.gather(*crowd)
    async with lines.turn("loud"):
        pass


async def test_who_gives_up_waiting_leaves_its_place_to_others() -> None:
    lines = Turns(1)
    async with lines.turn("loud"):
        gone = asyncio.create_task(_wait(lines))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
    async with asyncio.timeout(1), lines.turn("loud"):
        pass


def test_a_refusal_is_repeated_for_what_costs_as_much_until_its_window_ends() -> None:
    now = 100.0
    lines = Turns(1, clock=lambda: now)
    lines.remember("loud", cost=5, refusal=_refusal(30))
    lines.refuse_again("loud", cost=1)
    lines.refuse_again("quiet", cost=5)
    now = 110.0
    with pytest.raises(RateLimited) as refused:
        lines.refuse_again("loud", cost=5)
    assert refused.value.headers["RateLimit"] == '"default";r=0;t=20'
    assert 20 <= int(refused.value.headers["Retry-After"]) <= 22
    now = 130.0
    lines.refuse_again("loud", cost=5)


def test_no_more_refusals_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    lines = Turns(1, clock=lambda: now)
    monkeypatch.setattr(turns, "REMEMBERED_MAX", 2)
    for number in range(3):
        lines.remember(str(number), cost=1, refusal=_refusal(10))
    lines.refuse_again("2", cost=1)
    now = 111.0
    lines.remember("2", cost=1, refusal=_refusal(10))
    with pytest.raises(RateLimited):
        lines.refuse_again("2", cost=1)


async def test_ten_12_over_the_quota_all_answers_say_so(deployed: Deploy) -> None:
    async with deployed(rate_limit="5/minute", requests_at_once=2) as (_, customer):
        answers = await asyncio.gather(*(customer.client.get("/v1/me") for _ in range(40)))
        assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 35
        late = await customer.client.get("/v1/me")
        assert late.json()["violated-policies"] == ["default"]


async def _wait(lines: Turns) -> None:
    async with lines.turn("loud"):
        pass
