"""The ledger against a model: whatever is called, in whatever order, balances and grants agree and the books add up."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.conftest import TestDatabase
from tests.modules.billing.credits.ledgers import allow_overdraft

from nexusone.apps.compose import composed
from nexusone.kernel.clock import MovedClock
from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.kernel.money import credits_to_text
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.caps import CapsWish, CapWish
from nexusone.modules.billing.contracts.credits import Hold
from nexusone.modules.billing.service import caps, expiry, grants, verification
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.sql import sql
from nexusone.platform.vault import MasterKeys

START = datetime(2020, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

LIST_REMAINING = sql("""
select remaining_micros from billing.grant_ where workspace_id = %(workspace_id)s order by created_at, id
""")

PART_KEYS = st.sampled_from(["p", "q"])
MANY = 30
THIRDS = st.integers(0, 4)
TIMES = st.integers(1, 2)
HOURS = st.integers(1, 4)


@dataclass
class ModelGrant:
    priority: int
    expires_at: datetime | None
    number: int
    remaining: int

    def order(self) -> tuple[int, datetime, int]:
        return self.priority, self.expires_at or datetime.max.replace(tzinfo=UTC), self.number


@dataclass
class ModelHold:
    amount: int
    purpose: str
    expires_at: datetime
    taken: list[tuple[ModelGrant, int]]
    state: str = "held"
    settled: int = 0
    closing: int | None = None
    excess: int = 0
    counted_on: date | None = None
    parts: dict[str, int] = field(default_factory=dict)

    def counts(self) -> int:
        return self.amount if self.state == "held" else self.settled + self.excess

    def give_back(self) -> None:
        used = self.settled
        for grant, amount in self.taken:
            here = min(used, amount)
            used -= here
            grant.remaining += amount - here


@dataclass
class Model:
    """What the ledger should do, as simply as it can be said."""

    grants: list[ModelGrant] = field(default_factory=list)
    holds: dict[str, ModelHold] = field(default_factory=dict)
    granted: int = 0
    spent: int = 0
    overdraft: int = 0
    expired: int = 0
    limit: int = 0
    cap: int | None = None

    def used_on(self, day: date) -> int:
        return sum(hold.counts() for hold in self.holds.values() if hold.counted_on == day)

    def living(self, now: datetime) -> list[ModelGrant]:
        found = [grant for grant in self.grants if grant.expires_at is None or grant.expires_at > now]
        return sorted(found, key=ModelGrant.order)

    def available(self, now: datetime) -> int:
        return sum(grant.remaining for grant in self.living(now))

    def take(self, wanted: int, now: datetime) -> list[tuple[ModelGrant, int]]:
        taken = []
        for grant in self.living(now):
            here = min(wanted, grant.remaining)
            if here:
                grant.remaining -= here
                wanted -= here
                taken.append((grant, here))
        return taken

    def repay(self, now: datetime) -> None:
        self.overdraft -= sum(amount for _, amount in self.take(self.overdraft, now))

    def hold(self, key: str, amount: int, purpose: str, expires_at: datetime, now: datetime) -> str | None:
        known = self.holds.get(key)
        if known:
            return None if (known.amount, known.purpose) == (amount, purpose) else "billing.key_conflict"
        if self.cap is not None and self.used_on(now.date()) + amount > self.cap:
            return "billing.cap_reached"
        if self.available(now) < amount:
            return "billing.insufficient_credits"
        self.holds[key] = ModelHold(amount, purpose, expires_at, self.take(amount, now), counted_on=now.date())
        return None

    def keep(self, key: str, until: datetime) -> str | None:
        hold = self.holds.get(key)
        if hold is None:
            return "billing.hold_not_found"
        if hold.state != "held":
            return "billing.hold_resolved"
        hold.expires_at = max(hold.expires_at, until)
        return None

    def resolve_beyond(self, hold: ModelHold, used: int, now: datetime) -> str | None:
        left = hold.amount - hold.settled
        excess = used - left
        missing = max(0, left - self.available(now)) if hold.state == "expired" else 0
        reachable = max(0, self.available(now) - (left if hold.state == "expired" else 0))
        if self.limit == 0 or self.overdraft + missing + excess - min(excess, reachable) > self.limit:
            return "billing.settle_exceeds_hold"
        if hold.state == "expired":
            self.overdraft += left - sum(amount for _, amount in self.take(left, now))
        self.overdraft += excess - sum(amount for _, amount in self.take(excess, now))
        self.spent += used
        hold.settled, hold.excess, hold.closing, hold.state = hold.amount, excess, used, "settled"
        return None

    def resolve(self, key: str, used: int, state: str, part: str | None, now: datetime) -> str | None:
        hold = self.holds.get(key)
        if hold is None:
            return "billing.hold_not_found"
        if part is not None and part in hold.parts:
            return None if hold.parts[part] == used else "billing.key_conflict"
        if hold.state in ("settled", "released"):
            is_same = part is None and (hold.state, hold.closing) == (state, used)
            return None if is_same else "billing.hold_resolved"
        if hold.settled + used > hold.amount:
            is_whole = part is None and state == "settled"
            return self.resolve_beyond(hold, used, now) if is_whole else "billing.settle_exceeds_hold"
        self.spent += used
        if hold.state == "expired":
            self.overdraft += used - sum(amount for _, amount in self.take(used, now))
        hold.settled += used
        if part is not None:
            if used:
                hold.parts[part] = used
            return None
        if hold.state == "held":
            hold.give_back()
            self.repay(now)
        hold.state, hold.closing = state, used
        return None

    def expire_holds(self, now: datetime) -> None:
        for hold in self.holds.values():
            if hold.state == "held" and hold.expires_at <= now:
                hold.state = "expired"
                hold.give_back()
        self.repay(now)

    def expire_grants(self, now: datetime) -> None:
        for grant in self.grants:
            if grant.expires_at is not None and grant.expires_at <= now:
                self.expired += grant.remaining
                grant.remaining = 0


class LedgerMachine(RuleBasedStateMachine):
    """Calls the ledger and the model alike."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    runtime: ClassVar[Runtime]
    database: ClassVar[TestDatabase]
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.clock = MovedClock(START)
        self.ctx: Context = replace(self.runtime, clock=self.clock).system(new_id())
        self.model = Model()

    @rule(amount=st.integers(1, 50), priority=st.integers(0, 2), hours=st.none() | HOURS, is_repeated=st.booleans())
    def grant(self, amount: int, priority: int, hours: int | None, is_repeated: bool) -> None:
        number = len(self.model.grants)
        expires_at = None if hours is None else self.clock.now() + hours * HOUR
        for _ in range(1 + is_repeated):
            self.loop.run_until_complete(
                grants.grant_alone(
                    self.ctx, key=f"g{number}", amount_micros=amount, source="sign_up", priority=priority, expires_at=expires_at
                )
            )
        self.model.grants.append(ModelGrant(priority, expires_at, number, amount))
        self.model.granted += amount
        self.model.repay(self.clock.now())

    @initialize(first=st.integers(1, 50), second=st.integers(1, 50))
    def start_with_two_grants(self, first: int, second: int) -> None:
        self.grant(first, 0, 3, is_repeated=False)
        self.grant(second, 1, None, is_repeated=False)

    @rule(target=holds, eighths=st.integers(1, 9), hours=HOURS, times=TIMES)
    def hold(self, eighths: int, hours: int, times: int) -> str:
        if self.model.available(self.clock.now()) < MANY:
            self.grant(MANY, len(self.model.grants) % 3, 6, is_repeated=False)
        key = f"h{len(self.model.holds)}"
        amount = max(1, self.model.available(self.clock.now()) * eighths // 8)
        for _ in range(times):
            self._hold(key, amount, "text", hours)
        return key

    @rule(key=holds, more=st.integers(0, 1), purpose=st.sampled_from(["text", "mail"]))
    def hold_again(self, key: str, more: int, purpose: str) -> None:
        known = self.model.holds.get(key)
        self._hold(key, known.amount + more if known else 1, purpose, 1)

    @rule(key=holds, thirds=THIRDS, times=TIMES)
    def settle(self, key: str, thirds: int, times: int) -> None:
        used = self._share(key, thirds)
        for _ in range(times):
            expected = self.model.resolve(key, used, "settled", None, self.clock.now())
            self._compare(key, expected, api.settle(self.ctx, key=key, amount_micros=used))

    @rule(key=holds, part_key=PART_KEYS, thirds=THIRDS, times=TIMES)
    def settle_part(self, key: str, part_key: str, thirds: int, times: int) -> None:
        used = self._share(key, thirds)
        for _ in range(times):
            expected = self.model.resolve(key, used, "held", part_key, self.clock.now())
            self._compare(key, expected, api.settle_part(self.ctx, key=key, part_key=part_key, amount_micros=used))

    @rule(key=holds, times=TIMES)
    def release(self, key: str, times: int) -> None:
        for _ in range(times):
            expected = self.model.resolve(key, 0, "released", None, self.clock.now())
            self._compare(key, expected, api.release(self.ctx, key=key))

    @rule(key=holds, hours=HOURS)
    def keep(self, key: str, hours: int) -> None:
        until = self.clock.now() + hours * HOUR
        expected = self.model.keep(key, until)
        self._compare(key, expected, api.keep(self.ctx, key=key, until=until))

    @rule(cap=st.none() | st.integers(0, 200))
    def put_cap(self, cap: int | None) -> None:
        wanted = [] if cap is None else [CapWish(scope="workspace", period="day", limit=credits_to_text(cap))]
        self.loop.run_until_complete(caps.put_caps(self.ctx, wanted=CapsWish(caps=wanted)))
        self.model.cap = cap

    @rule(limit=st.integers(0, 40))
    def allow_overdraft(self, limit: int) -> None:
        self.loop.run_until_complete(allow_overdraft(self.ctx, self.database, limit_micros=limit))
        self.model.limit = limit

    @rule(hours=HOURS)
    def wait(self, hours: int) -> None:
        self.clock.move(hours * HOUR)

    @rule(hours=st.integers(0, 5))
    def wait_and_sweep_holds(self, hours: int) -> None:
        self.clock.move(hours * HOUR)
        self.loop.run_until_complete(expiry.expire_holds(self.ctx))
        self.model.expire_holds(self.clock.now())

    @rule()
    def sweep_grants(self) -> None:
        self.loop.run_until_complete(expiry.expire_grants(self.ctx))
        self.model.expire_grants(self.clock.now())

    @invariant()
    def balances_agree_and_the_books_add_up(self) -> None:
        self.loop.run_until_complete(self._check())

    async def _check(self) -> None:
        now, model = self.clock.now(), self.model
        balance = await api.get_balance(self.ctx)
        due = sum(grant.remaining for grant in model.grants) - model.available(now)
        held = sum(hold.amount - hold.settled for hold in model.holds.values() if hold.state == "held")
        assert balance.available_micros == model.available(now)
        assert balance.held_micros == held
        assert (balance.spent_micros, balance.overdraft_micros) == (model.spent, model.overdraft)
        assert (balance.expired_micros, balance.granted_micros) == (model.expired + due, model.granted)
        assert model.overdraft == 0 or balance.available_micros == 0
        assert await verification.verify(self.ctx) == []
        async with self.ctx.transaction("billing") as tx:
            rows = await tx.fetch_tuples(LIST_REMAINING, {"workspace_id": self.ctx.workspace})
        assert [remaining for (remaining,) in rows] == [grant.remaining for grant in model.grants]

    def _hold(self, key: str, amount: int, purpose: str, hours: int) -> None:
        now = self.clock.now()
        expected = self.model.hold(key, amount, purpose, now + hours * HOUR, now)
        self._compare(key, expected, api.hold(self.ctx, key=key, amount_micros=amount, purpose=purpose, expires_in=hours * HOUR))

    def _share(self, key: str, thirds: int) -> int:
        hold = self.model.holds.get(key)
        return thirds if hold is None else (hold.amount - hold.settled) * thirds // 3

    def _compare(self, key: str, expected: str | None, call: Coroutine[object, object, Hold]) -> None:
        code, hold = self.loop.run_until_complete(_outcome(call))
        assert code == expected
        if hold is not None:
            model = self.model.holds[key]
            assert (hold.key, hold.amount_micros, hold.settled_micros) == (key, model.amount, model.settled)
            assert (hold.state, hold.purpose, hold.expires_at) == (model.state, model.purpose, model.expires_at)


async def _outcome(call: Coroutine[object, object, Hold]) -> tuple[str | None, Hold | None]:
    try:
        return None, await call
    except Refusal as refusal:
        return refusal.code, None


@contextmanager
def own_process(database: TestDatabase, keys: MasterKeys, platform_settings: PlatformSettings) -> Iterator[None]:
    """A loop and a runtime for the machine, whose rules are plain functions."""
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    try:
        made = loop.run_until_complete(stack.enter_async_context(composed(platform_settings, url=database.url, keys=keys, ports={})))
        LedgerMachine.loop, LedgerMachine.runtime, LedgerMachine.database = loop, made.runtime, database
        yield
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()


def test_mon_06_the_ledger_does_what_the_model_does(database: TestDatabase, keys: MasterKeys, platform_settings: PlatformSettings) -> None:
    with own_process(database, keys, platform_settings):
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)),
        )
