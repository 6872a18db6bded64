"""The subscription against a model on a real database: whatever is done, in whatever order, steps are taken once or refused (API-15)."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from tests.conftest import TestDatabase
from tests.modules.billing.subscriptions.model import Model, Refused, Terms
from tests.modules.billing.subscriptions.subscribed import Company, company

from nexusone.apps.compose import composed
from nexusone.kernel.clock import Clock
from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.subscriptions import SubscriptionMoment
from nexusone.modules.billing.service import subscriptions, verification
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys

T = TypeVar("T")

STARTS = st.sampled_from(
    [datetime(2027, 1, 31, 12, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC), datetime(2027, 3, 15, 23, 59, tzinfo=UTC)]
)
WANTED: st.SearchStrategy[Terms] = st.tuples(st.sampled_from(["starter", "scale"]), st.integers(1, 3))
MOSTLY = st.sampled_from([True, True, True, False])
WHEN_ENDING: st.SearchStrategy[SubscriptionMoment] = st.sampled_from(["period_end", "period_end", "now"])
WHEN: st.SearchStrategy[SubscriptionMoment] = st.sampled_from(["now", "period_end"])
WAITS = st.sampled_from(
    [timedelta(hours=5), timedelta(days=1), timedelta(days=2, seconds=77), timedelta(days=7), timedelta(days=30), timedelta(days=95)]
)


class SubscriptionMachine(RuleBasedStateMachine):
    """Does the same to the company and to the model."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    runtime: ClassVar[Runtime]

    here: Company
    model: Model

    @initialize(at=STARTS, wanted=WANTED, is_trial=st.booleans(), is_paid=MOSTLY)
    def open(self, at: datetime, wanted: Terms, is_trial: bool, is_paid: bool) -> None:
        self.here = self._run(company(self._context, at=at, zone="UTC"))
        self.model = Model(now=at)
        self.start(wanted, is_trial, is_paid)

    @precondition(lambda self: self.model.is_over)
    @rule(wanted=WANTED, is_trial=st.booleans(), is_paid=MOSTLY)
    def start(self, wanted: Terms, is_trial: bool, is_paid: bool) -> None:
        plan, quantity = wanted
        self._both(lambda: self.model.start(wanted, is_trial=is_trial), lambda: self.here.start(plan, quantity=quantity, is_trial=is_trial))
        if is_paid:
            self._settle_all(is_paid=True)

    @precondition(lambda self: not self.model.is_over)
    @rule(wanted=WANTED)
    def start_a_second_one(self, wanted: Terms) -> None:
        plan, quantity = wanted
        self._both(lambda: self.model.start(wanted, is_trial=True), lambda: self.here.start(plan, quantity=quantity, is_trial=True))

    @precondition(lambda self: not self.model.is_over)
    @rule(late=WAITS, is_paid=st.booleans())
    def wait_for_the_periods_end(self, late: timedelta, is_paid: bool) -> None:
        self.wait(max(self.model.ends_at - self.model.now, timedelta(0)) + timedelta(seconds=late // timedelta(days=1)), 1)
        self._settle_all(is_paid=is_paid)

    @precondition(lambda self: any(invoice.state == "open" for invoice in self.model.invoices))
    @rule(which=st.integers(0, 5), is_paid=st.booleans())
    def settle_one(self, which: int, is_paid: bool) -> None:
        numbers = self._open_invoices()
        self._settle(numbers[which % len(numbers)], is_paid=is_paid)

    @rule(wanted=WANTED, when=st.none() | WHEN)
    def change(self, wanted: Terms, when: SubscriptionMoment | None) -> None:
        plan, quantity = wanted
        self._both(lambda: self.model.change(wanted, when), lambda: self.here.change(plan=plan, quantity=quantity, when=when))

    @rule(when=WHEN)
    def pause(self, when: SubscriptionMoment) -> None:
        self._both(lambda: self.model.pause(when), lambda: self.here.pause(when))

    @rule()
    def resume(self) -> None:
        self._both(self.model.resume, lambda: subscriptions.resume(self.here.ctx))

    @rule(when=WHEN_ENDING)
    def cancel(self, when: SubscriptionMoment) -> None:
        self._both(lambda: self.model.cancel(when), lambda: self.here.cancel(when))

    @rule(by=WAITS)
    def wait_while_the_scheduler_is_down(self, by: timedelta) -> None:
        self.here.clock.move(by)
        self.model.now += by

    @rule(by=WAITS, times=st.integers(1, 2))
    def wait(self, by: timedelta, times: int) -> None:
        self.wait_while_the_scheduler_is_down(by)
        for _ in range(times):
            self._run(self.here.tick())
        self.model.catch_up()

    @precondition(lambda self: self.model.state == "past_due" and self.model.ending is None)
    @rule(times=st.sampled_from([1, 2, 4, 5]))
    def let_retries_fail(self, times: int) -> None:
        for _ in range(times):
            waiting = [invoice for invoice in self.model.own if invoice.next_at is not None]
            if not waiting:
                return
            number = self.model.invoices.index(min(waiting, key=lambda invoice: invoice.next_at or self.model.now))
            next_at = self.model.invoices[number].next_at
            assert next_at is not None
            self.wait(max(next_at - self.model.now, timedelta(0)), 1)
            self._settle(number, is_paid=False)

    @invariant()
    def both_agree(self) -> None:
        self._run(self._compare())

    async def _compare(self) -> None:
        model, found = self.model, await self.here.seen()
        following = (found.next.plan, found.next.quantity) if found.next else None
        assert (found.state, found.ending, following) == (model.state, model.ending, model.following)
        assert ((found.terms.plan, found.terms.quantity), await self.here.plan()) == (model.terms, model.plan)
        assert (found.period_start, found.period_end) == (model.starts_at, model.ends_at)
        seen = await self.here.invoices()
        assert [(invoice.net_minor, invoice.state) for invoice in seen] == [(invoice.amount, invoice.state) for invoice in model.invoices]
        retries = [invoice.next_at for invoice in model.own if invoice.next_at is not None]
        assert found.retry_at == (min(retries) if retries else None)
        assert [(period.starts_at, period.ends_at) for period in await self.here.periods(found.id)] == model.periods
        assert await verification.verify(self.here.ctx) == []

    def _open_invoices(self) -> list[int]:
        return [number for number, invoice in enumerate(self.model.invoices) if invoice.state == "open"]

    def _settle_all(self, *, is_paid: bool) -> None:
        for number in self._open_invoices():
            if self.model.invoices[number].state == "open":
                self._settle(number, is_paid=is_paid)

    def _settle(self, number: int, *, is_paid: bool) -> None:
        invoice = self._run(self.here.invoices())[number]
        if is_paid:
            self.model.pay(self.model.invoices[number])
            self._run(self.here.pay(invoice.id))
        else:
            self.model.fail(self.model.invoices[number])
            self._run(self.here.fail(invoice.id))

    def _both(self, on_model: Callable[[], None], on_company: Callable[[], Coroutine[object, object, object]]) -> None:
        expected = self._is_refused(on_model)
        try:
            self._run(on_company())
        except Refusal:
            assert expected
        else:
            assert not expected

    def _is_refused(self, on_model: Callable[[], None]) -> bool:
        try:
            on_model()
        except Refused:
            return True
        return False

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return self.loop.run_until_complete(work)

    def _context(self, *, clock: Clock) -> Context:
        runtime = replace(self.runtime, clock=clock)
        principal = Principal(kind="user", id=new_id(), permissions=frozenset({"*"}))
        return Context(runtime=runtime, workspace_id=new_id(), principal=principal, request_id="test")


@contextmanager
def own_process(database: TestDatabase, keys: MasterKeys, platform_settings: PlatformSettings) -> Iterator[None]:
    """A loop and a runtime for the machine, whose rules are plain functions."""
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    try:
        made = loop.run_until_complete(stack.enter_async_context(composed(platform_settings, url=database.url, keys=keys, ports={})))
        SubscriptionMachine.loop, SubscriptionMachine.runtime = loop, made.runtime
        yield
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()


def test_api_15_the_subscription_does_what_the_model_does(
    database: TestDatabase, keys: MasterKeys, platform_settings: PlatformSettings
) -> None:
    with own_process(database, keys, platform_settings):
        run_state_machine_as_test(
            SubscriptionMachine,
            settings=settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)),
        )
