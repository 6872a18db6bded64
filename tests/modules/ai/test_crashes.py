"""A process that dies at any step: no paid call is repeated, nothing stays held, the ledger is exact."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import pytest
from tests.modules.ai.scripted import (
    ASKED,
    ASKED_FOR_MAIL,
    LOST,
    MAIL,
    NOW,
    SETTINGS,
    ScriptedModel,
    Workshop,
    cost_micros,
    open_workshop,
    said,
    scripted,
)

from nexusone.kernel.money import credits_from_text
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.contracts.generations import NewText
from nexusone.modules.ai.service import attending, endings, generations, writing
from nexusone.modules.billing import api as billing
from nexusone.platform.database import Database, DatabaseUnavailable, Parameters, Transaction
from nexusone.platform.origin import Origin
from nexusone.platform.runtime import Runtime
from nexusone.platform.sql import Sql

R = TypeVar("R")

STEPS_MAX = 40
# Deaths of a job after its begin was committed, and after the answer came but before it was recorded.
BEGUN, ANSWERED = 3, 4


class Death(BaseException):
    """The process is gone."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A transaction: the how manieth, of which module, and whether it has committed."""

    number: int
    module: str
    is_committed: bool


class FaultyDatabase(Database):
    """Another database object over the same pool, which raises what `fault` says at a moment."""

    def __init__(self, inner: Database, fault: Callable[[Moment], BaseException | None]) -> None:
        self.inner, self.fault, self.count = inner, fault, 0

    @asynccontextmanager
    async def transaction(self, module: str, *, origin: Origin, statement_timeout_seconds: int | None = None) -> AsyncIterator[Transaction]:
        self.count += 1
        number = self.count
        self.raise_at(Moment(number, module, is_committed=False))
        async with self.inner.transaction(module, origin=origin, statement_timeout_seconds=statement_timeout_seconds) as tx:
            yield tx
        self.raise_at(Moment(number, module, is_committed=True))

    async def fetch_in_one_trip(self, module: str, row: type[R], statement: Sql, parameters: Parameters, *, origin: Origin) -> list[R]:
        self.count += 1
        number = self.count
        self.raise_at(Moment(number, module, is_committed=False))
        rows = await self.inner.fetch_in_one_trip(module, row, statement, parameters, origin=origin)
        self.raise_at(Moment(number, module, is_committed=True))
        return rows

    def raise_at(self, moment: Moment) -> None:
        error = self.fault(moment)
        if error is not None:
            raise error


def dying(shop: Workshop, step: int) -> Workshop:
    """The workshop in a process that dies before its `step`th change of the outside is seen, and stays dead."""

    def fault(moment: Moment) -> BaseException | None:
        return Death() if moment.number * 2 + moment.is_committed - 2 >= step else None

    return shop.on(FaultyDatabase(shop.runtime.database, fault))


async def assert_resolved(shop: Workshop, model: ScriptedModel, *, calls_max: int) -> None:
    """After its deadlines nothing is open, and what was charged is what was answered and known."""
    for _ in range(3):
        await shop.pass_time(timedelta(seconds=SETTINGS.queue_seconds_max + 1))
    await shop.pass_time(timedelta(seconds=SETTINGS.unknown_kept_seconds + 1))
    assert len(model.requests) <= calls_max
    made = await shop.all()
    assert len(made) <= 1
    assert all(item.status in ("succeeded", "failed", "unknown") for item in made)
    spent = sum(credits_from_text(item.credits) for item in made)
    assert spent in {cost_micros(answers) for answers in range(len(model.requests) + 1)}
    if made and made[0].status == "succeeded":
        assert spent == cost_micros(len(model.requests))
    await shop.assert_books(spent_micros=spent)


@pytest.mark.parametrize(
    ("wanted", "answers"),
    [(ASKED, ["Licht"]), (ASKED_FOR_MAIL, ["{}", MAIL]), (ASKED_FOR_MAIL, ["{}"] * 3)],
    ids=["plain", "repair", "fail"],
)
async def test_a_death_at_any_step_leaves_nothing_held_and_repeats_no_call(runtime: Runtime, wanted: NewText, answers: list[str]) -> None:
    statuses: set[str] = set()
    for step in range(STEPS_MAX):
        model = scripted(*(said(answer) for answer in answers))
        shop = await open_workshop(runtime, model)
        try:
            await dying(shop, step).generate(wanted)
        except Death:
            await assert_resolved(shop, model, calls_max=len(answers))
            statuses.update(item.status for item in await shop.all())
        else:
            assert step > 8
            break
    else:
        pytest.fail("it never came to an end")
    assert {"failed", "unknown"} <= statuses


async def test_a_job_whose_worker_died_is_done_by_the_next_only_where_nobody_began_it(runtime: Runtime) -> None:
    for step in range(STEPS_MAX):
        model = scripted()
        shop = await open_workshop(runtime, model)
        made = await generations.submit(shop.ctx, wanted=ASKED)
        try:
            await writing.write_queued(dying(shop, step).ctx, generation_id=made.id)
        except Death:
            await writing.write_queued(shop.ctx, generation_id=made.id)
            assert len(model.requests) <= 1
            assert (await shop.get(made)).status == ("running" if step in (BEGUN, ANSWERED) else "succeeded")
            await assert_resolved(shop, model, calls_max=1)
        else:
            assert step > 6
            return
    pytest.fail("it never came to an end")


async def test_a_database_that_is_away_for_a_moment_does_not_cost_the_answer(runtime: Runtime) -> None:
    model = scripted()
    shop = await open_workshop(runtime, model)
    faults: list[BaseException] = [DatabaseUnavailable(), UnknownOutcome(detail="commit")]

    def fault(moment: Moment) -> BaseException | None:
        after_answer = bool(model.requests) and moment.module == "ai"
        wanted = faults and after_answer and moment.is_committed is isinstance(faults[0], UnknownOutcome)
        return faults.pop(0) if wanted else None

    made = await shop.on(FaultyDatabase(shop.runtime.database, fault)).generate()
    assert faults == []
    assert made.status == "succeeded"
    assert await shop.events() == ["ai.generation.succeeded.v1"]
    await shop.assert_books(spent_micros=cost_micros(1))


async def test_what_billing_could_not_settle_is_settled_by_the_clock(runtime: Runtime) -> None:
    model = scripted()
    shop = await open_workshop(runtime, model)

    def fault(moment: Moment) -> BaseException | None:
        return DatabaseUnavailable() if model.requests and moment.module == "billing" else None

    made = await shop.on(FaultyDatabase(shop.runtime.database, fault)).generate()
    assert made.status == "succeeded"
    assert (await billing.get_balance(shop.ctx)).held_micros > 0
    shop.clock.move(endings.SETTLED_WITHIN)
    await attending.attend_due(shop.runtime.system())
    await shop.assert_books(spent_micros=cost_micros(1))
    assert await shop.get(made) == made


async def test_the_schedule_finds_what_is_due_in_every_workspace(runtime: Runtime) -> None:
    shops = [await open_workshop(runtime, scripted(LOST)) for _ in range(3)]
    made = [await shop.generate() for shop in shops]
    late = NOW + timedelta(days=2)
    for shop in shops:
        shop.clock.move(late - NOW)
    await attending.attend_due(shops[0].runtime.system())
    for shop, item in zip(shops, made, strict=True):
        await shop.assert_books(spent_micros=0)
        assert (await shop.get(item)).status == "unknown"
