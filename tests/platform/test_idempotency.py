"""Idempotency keys: one effect for one key, whatever happens in between."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.conftest import ContextMaker, TestDatabase

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.contract import Contract
from nexusone.kernel.ids import new_id
from nexusone.platform.idempotency import (
    IdempotencyInFlight,
    IdempotencyKeyReused,
    Replay,
    abandon,
    claim,
    conclude,
    forget_old_keys,
    record_answer,
)
from nexusone.platform.origin import IdempotencyClaim
from nexusone.platform.runtime import Context


class Answer(Contract):
    """An answer."""

    done: bool


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def asking(make_context: ContextMaker, clock: MovedClock) -> Context:
    return make_context(clock=clock)


@pytest.fixture
def wanted(asking: Context) -> IdempotencyClaim:
    assert asking.principal.id is not None
    return IdempotencyClaim(principal_id=asking.principal.id, method="POST", path="/v1/x", key="k", fingerprint=b"f", status=201)


async def take(ctx: Context, wanted: IdempotencyClaim) -> IdempotencyClaim:
    held = await claim(ctx, wanted)
    assert isinstance(held, IdempotencyClaim)
    return held


async def effect(ctx: Context, wanted: IdempotencyClaim) -> None:
    async with replace(ctx, idempotency=wanted).transaction("identity") as tx:
        await conclude(tx, Answer(done=True))


async def test_a_new_key_is_taken_and_a_second_request_waits(asking: Context, wanted: IdempotencyClaim) -> None:
    await take(asking, wanted)
    with pytest.raises(IdempotencyInFlight) as refused:
        await claim(asking, wanted)
    assert refused.value.status == 409
    assert "Retry-After" in refused.value.headers


async def test_a_concluded_request_is_replayed_with_status_and_body(asking: Context, wanted: IdempotencyClaim) -> None:
    held = await take(asking, wanted)
    await effect(asking, held)
    assert await claim(asking, wanted) == Replay(status=201, body=b'{"done":true}')


async def test_another_body_is_refused_before_and_after_the_end(asking: Context, wanted: IdempotencyClaim) -> None:
    held = await take(asking, wanted)
    with pytest.raises(IdempotencyKeyReused):
        await claim(asking, replace(wanted, fingerprint=b"other"))
    await effect(asking, held)
    with pytest.raises(IdempotencyKeyReused) as refused:
        await claim(asking, replace(wanted, fingerprint=b"other"))
    assert refused.value.status == 422


@pytest.mark.parametrize("change", [{"principal_id": new_id()}, {"method": "PUT"}, {"path": "/v1/y"}, {"key": "K"}])
async def test_keys_of_another_principal_method_or_path_are_other_keys(
    asking: Context, wanted: IdempotencyClaim, change: dict[str, str]
) -> None:
    await take(asking, wanted)
    await take(asking, replace(wanted, **change))  # type: ignore[arg-type]


async def test_the_same_key_in_another_workspace_is_another_key(
    asking: Context, wanted: IdempotencyClaim, make_context: ContextMaker, clock: MovedClock
) -> None:
    await take(asking, wanted)
    await take(make_context(clock=clock), wanted)


async def test_fifty_at_once_and_at_the_same_instant_are_one(asking: Context, wanted: IdempotencyClaim) -> None:
    outcomes = await asyncio.gather(*(claim(asking, wanted) for _ in range(50)), return_exceptions=True)
    assert sum(isinstance(outcome, IdempotencyClaim) for outcome in outcomes) == 1
    assert {type(outcome) for outcome in outcomes} == {IdempotencyClaim, IdempotencyInFlight}


async def test_an_expired_lock_is_taken_over_by_one(asking: Context, wanted: IdempotencyClaim, clock: MovedClock) -> None:
    await take(asking, wanted)
    clock.move(timedelta(seconds=59))
    with pytest.raises(IdempotencyInFlight):
        await claim(asking, wanted)
    clock.move(timedelta(seconds=5))
    outcomes = await asyncio.gather(*(claim(asking, wanted) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(outcome, IdempotencyClaim) for outcome in outcomes) == 1


async def test_an_expired_lock_keeps_its_body(asking: Context, wanted: IdempotencyClaim, clock: MovedClock) -> None:
    await take(asking, wanted)
    clock.move(timedelta(seconds=90))
    with pytest.raises(IdempotencyKeyReused):
        await claim(asking, replace(wanted, fingerprint=b"other"))


async def test_a_crash_between_effect_and_answer_is_replayed(asking: Context, wanted: IdempotencyClaim, clock: MovedClock) -> None:
    held = await take(asking, wanted)
    await effect(asking, held)
    clock.move(timedelta(minutes=5))
    assert await claim(asking, wanted) == Replay(status=201, body=b'{"done":true}')


async def test_a_request_that_outlived_its_lock_has_no_second_effect(asking: Context, wanted: IdempotencyClaim, clock: MovedClock) -> None:
    late = await take(asking, wanted)
    clock.move(timedelta(seconds=90))
    held = await take(asking, wanted)
    with pytest.raises(IdempotencyInFlight):
        await effect(asking, late)
    await abandon(asking, late)
    await effect(asking, held)
    await record_answer(asking, late, body=b"{}")
    assert await claim(asking, wanted) == Replay(status=201, body=b'{"done":true}')


async def test_a_use_case_of_several_steps_may_conclude_again(asking: Context, wanted: IdempotencyClaim) -> None:
    held = await take(asking, wanted)
    for is_done in (False, True):
        async with replace(asking, idempotency=held).transaction("identity") as tx:
            await conclude(tx, Answer(done=is_done))
    assert await claim(asking, wanted) == Replay(status=201, body=b'{"done":true}')


async def test_an_effect_that_rolled_back_leaves_the_key_in_flight(asking: Context, wanted: IdempotencyClaim) -> None:
    held = await take(asking, wanted)
    with pytest.raises(ZeroDivisionError):
        async with replace(asking, idempotency=held).transaction("identity") as tx:
            await conclude(tx, Answer(done=True))
            raise ZeroDivisionError
    with pytest.raises(IdempotencyInFlight):
        await claim(asking, wanted)


async def test_a_refused_request_frees_its_key_but_never_a_concluded_one(asking: Context, wanted: IdempotencyClaim) -> None:
    await abandon(asking, await take(asking, wanted))
    held = await take(asking, replace(wanted, fingerprint=b"mended"))
    await effect(asking, held)
    await abandon(asking, held)
    assert isinstance(await claim(asking, held), Replay)


async def test_what_the_effect_recorded_is_not_overwritten_by_the_answer(asking: Context, wanted: IdempotencyClaim) -> None:
    held = await take(asking, wanted)
    await effect(asking, held)
    await record_answer(asking, held, body=b"{}")
    assert await claim(asking, wanted) == Replay(status=201, body=b'{"done":true}')


@pytest.mark.parametrize("is_concluded", [True, False])
async def test_after_seventy_two_hours_a_key_is_new(
    asking: Context, wanted: IdempotencyClaim, clock: MovedClock, *, is_concluded: bool
) -> None:
    held = await take(asking, wanted)
    if is_concluded:
        await effect(asking, held)
    clock.move(timedelta(hours=72, seconds=1))
    other = replace(wanted, fingerprint=b"other")
    await take(asking, other)
    with pytest.raises(IdempotencyInFlight):
        await claim(asking, other)
    with pytest.raises(IdempotencyKeyReused):
        await claim(asking, wanted)


async def test_within_seventy_two_hours_a_key_is_remembered(asking: Context, wanted: IdempotencyClaim, clock: MovedClock) -> None:
    held = await take(asking, wanted)
    await effect(asking, held)
    clock.move(timedelta(hours=71, minutes=59))
    assert isinstance(await claim(asking, wanted), Replay)


async def test_old_keys_are_deleted_in_every_workspace(
    make_context: ContextMaker, clock: MovedClock, wanted: IdempotencyClaim, database: TestDatabase
) -> None:
    contexts = [make_context(clock=clock) for _ in range(3)]
    for ctx in contexts[:2]:
        await claim(ctx, wanted)
    clock.move(timedelta(hours=73))
    await claim(contexts[2], wanted)
    await forget_old_keys(contexts[0].runtime.system())
    with psycopg.connect(database.admin_url) as admin:
        left = admin.execute(
            "select workspace_id from platform.idempotency where workspace_id = any(%s)", ([ctx.workspace for ctx in contexts],)
        ).fetchall()
    assert left == [(contexts[2].workspace,)]


async def test_without_a_key_nothing_is_recorded(ctx: Context, database: TestDatabase) -> None:
    async with ctx.transaction("identity") as tx:
        await conclude(tx, Answer(done=True))
    with psycopg.connect(database.admin_url) as admin:
        found = admin.execute("select count(*) from platform.idempotency where workspace_id = %s", (ctx.workspace,)).fetchone()
    assert found == (0,)
