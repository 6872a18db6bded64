"""Grants: once per key, burnt in order, expiring, rolling over, and every spend traceable to them."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.modules.billing.credits.ledgers import HOUR, Ledger, ledger_of

from nexusone.kernel.page import PageRequest
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.credits import GrantedCredits
from nexusone.modules.billing.domain.watching import Threshold, crossed, rearmed, watch_below
from nexusone.modules.billing.service import expiry, grants, listings, verification
from nexusone.modules.billing.service.grants import Rollover
from nexusone.modules.billing.service.refusals_credits import GrantNotFound
from nexusone.platform.runtime import Runtime

DAY = timedelta(days=1)


async def listed(ledger: Ledger) -> Sequence[GrantedCredits]:
    return (await listings.list_grants(ledger.ctx, request=PageRequest(limit=100))).items


async def granted(ledger: Ledger, key: str, amount: int, *, rollover: Rollover | None = None, days: int | None = None) -> None:
    async with ledger.ctx.transaction("billing") as tx:
        expires_at = None if days is None else ledger.clock.now() + days * DAY
        await grants.grant(
            ledger.ctx, tx, key=key, source="plan", amount_micros=amount, priority=None, expires_at=expires_at, rollover=rollover
        )


async def test_mon_04_a_key_grants_once_and_other_data_under_it_are_refused(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime)
    first = await grants.grant_alone(ledger.ctx, key="k", amount_micros=5, source="purchase")
    assert await grants.grant_alone(ledger.ctx, key="k", amount_micros=5, source="purchase") == first
    for amount, source in ((6, "purchase"), (5, "promotion")):
        with pytest.raises(api.KeyConflict):
            await grants.grant_alone(ledger.ctx, key="k", amount_micros=amount, source=source)  # type: ignore[arg-type]
    assert await ledger.available() == 5


async def test_a_grant_is_undone_with_the_transaction_of_whoever_grants(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime)
    with pytest.raises(ZeroDivisionError):
        async with ledger.ctx.transaction("billing") as tx:
            await grants.grant(ledger.ctx, tx, key="k", source="plan", amount_micros=5, priority=None, expires_at=None)
            raise ZeroDivisionError
    assert await ledger.available() == 0
    assert await listed(ledger) == ()


async def test_credits_burn_by_priority_then_by_end_then_by_age(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime)
    now = ledger.clock.now()
    order: list[UUID] = []
    for priority, days in ((2, None), (1, None), (1, 9), (1, 3), (1, 3), (0, None)):
        expires_at = None if days is None else now + days * DAY
        order.append(
            await grants.grant_alone(
                ledger.ctx, key=f"k{len(order)}", amount_micros=1, source="promotion", priority=priority, expires_at=expires_at
            )
        )
    burnt: list[UUID] = []
    for _ in order:
        await ledger.spend(1)
        empty = [grant.id for grant in await listed(ledger) if grant.remaining == "0"]
        burnt += [found for found in empty if found not in burnt]
    assert burnt == [order[number] for number in (5, 3, 4, 2, 1, 0)]


async def test_every_spend_names_the_grants_it_was_paid_from(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 30, 100)
    await ledger.spend(50, held=60)
    first, second = sorted(await listed(ledger), key=lambda grant: grant.id)
    for grant, amount in ((first, "0.00003"), (second, "0.00002")):
        [spend] = (await listings.list_spends(ledger.ctx, grant_id=grant.id, request=PageRequest(limit=10))).items
        assert (spend.amount, spend.purpose) == (amount, "text")
    with pytest.raises(GrantNotFound):
        await listings.list_spends(ledger.ctx, grant_id=ledger.ctx.workspace, request=PageRequest(limit=10))


async def test_an_expired_grant_pays_for_nothing_even_before_the_sweep(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime)
    await granted(ledger, "k", 10, days=1)
    ledger.clock.move(DAY)
    with pytest.raises(api.InsufficientCredits):
        await api.hold(ledger.ctx, key="h", amount_micros=1, purpose="text", expires_in=HOUR)
    await expiry.expire_grants(ledger.ctx)
    assert (await api.get_balance(ledger.ctx)).expired_micros == 10


@pytest.mark.parametrize(("most", "kept"), [(None, 7), (5, 5), (100, 7)])
async def test_what_is_left_rolls_over_once_and_up_to_its_maximum(runtime: Runtime, most: int | None, kept: int) -> None:
    ledger = await ledger_of(runtime)
    until = ledger.clock.now() + 60 * DAY
    await granted(ledger, "k", 10, days=30, rollover=Rollover(until=until, max_micros=most))
    await ledger.spend(3)
    ledger.clock.move(30 * DAY)
    for _ in range(2):
        await expiry.expire_grants(ledger.ctx)
    balance = await api.get_balance(ledger.ctx)
    assert (balance.available_micros, balance.expired_micros, balance.granted_micros) == (kept, 7 - kept, 10)
    rolled = max(await listed(ledger), key=lambda grant: grant.granted_at)
    assert (rolled.source, rolled.expires_at) == ("plan", until)
    await ledger.spend(1)
    ledger.clock.move(31 * DAY)
    await expiry.expire_grants(ledger.ctx)
    assert (await api.get_balance(ledger.ctx)).available_micros == 0
    assert await verification.verify(ledger.ctx) == []


async def test_what_a_sweep_found_too_late_to_roll_over_is_expired(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime)
    await granted(ledger, "k", 10, days=30, rollover=Rollover(until=ledger.clock.now() + 31 * DAY))
    ledger.clock.move(40 * DAY)
    await expiry.expire_grants(ledger.ctx)
    assert (await api.get_balance(ledger.ctx)).expired_micros == 10


@given(st.lists(st.integers(1, 100), unique=True, max_size=5), st.lists(st.integers(0, 120), min_size=1, max_size=12))
def test_each_crossing_of_a_threshold_is_told_once(thresholds: list[int], balances: list[int]) -> None:
    standing = [Threshold(micros, is_armed=False) for micros in thresholds]
    told = dict.fromkeys(thresholds, 0)
    crossings = dict.fromkeys(thresholds, 0)
    before: int | None = None
    for unspent in balances:
        armed = watch_below(standing, None)
        found = crossed(standing, unspent=unspent)
        assert bool(found) == (unspent < armed)
        for threshold in found:
            told[threshold.micros] += 1
        standing = rearmed(standing, unspent=unspent)
        for micros in thresholds:
            crossings[micros] += before is not None and before >= micros > unspent
        before = unspent
    assert told == crossings
