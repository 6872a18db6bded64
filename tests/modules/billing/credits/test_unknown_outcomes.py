"""Kept holds: what nobody knows the outcome of stays held until it is found out, or until its time is over (MON-07)."""

from datetime import timedelta

import pytest
from tests.modules.billing.credits.ledgers import HOUR, ledger_of

from nexusone.modules.billing import api
from nexusone.modules.billing.service import expiry, verification
from nexusone.platform.runtime import Runtime


async def test_mon_07_a_kept_hold_outlives_its_first_deadline(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await api.hold(ledger.ctx, key="k", amount_micros=60, purpose="text", expires_in=HOUR)
    kept = await api.keep(ledger.ctx, key="k", until=ledger.clock.now() + timedelta(days=2))
    assert (kept.state, kept.expires_at) == ("held", ledger.clock.now() + timedelta(days=2))
    ledger.clock.move(timedelta(days=1))
    await expiry.expire_holds(ledger.ctx)
    assert (await api.get_balance(ledger.ctx)).held_micros == 60
    assert (await api.settle(ledger.ctx, key="k", amount_micros=50)).state == "settled"
    assert await ledger.available() == 50


async def test_mon_07_at_its_end_it_is_given_back_and_announced_as_never_found_out(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    await api.hold(ledger.ctx, key="k", amount_micros=60, purpose="text", expires_in=HOUR)
    await api.keep(ledger.ctx, key="k", until=ledger.clock.now() + 5 * HOUR)
    ledger.clock.move(6 * HOUR)
    await expiry.expire_holds(ledger.ctx)
    [expired] = await ledger.events("billing.holds.expired.v1")
    assert [(hold["key"], hold["is_kept"], hold["returned_micros"]) for hold in expired.payload["holds"]] == [("k", True, 60)]
    assert await ledger.available() == 100
    assert (await api.settle(ledger.ctx, key="k", amount_micros=60)).state == "settled"
    assert await ledger.available() == 40
    assert await verification.verify(ledger.ctx) == []


async def test_keeping_never_shortens_and_can_be_repeated(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    held = await api.hold(ledger.ctx, key="k", amount_micros=60, purpose="text", expires_in=10 * HOUR)
    for _ in range(2):
        assert (await api.keep(ledger.ctx, key="k", until=ledger.clock.now() + HOUR)).expires_at == held.expires_at


async def test_what_is_resolved_cannot_be_kept(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, 100)
    with pytest.raises(api.HoldNotFound):
        await api.keep(ledger.ctx, key="k", until=ledger.clock.now() + HOUR)
    await api.hold(ledger.ctx, key="k", amount_micros=60, purpose="text", expires_in=HOUR)
    await api.release(ledger.ctx, key="k")
    with pytest.raises(api.HoldResolved):
        await api.keep(ledger.ctx, key="k", until=ledger.clock.now() + HOUR)
    with pytest.raises(ValueError, match="later than now"):
        await api.keep(ledger.ctx, key="k", until=ledger.clock.now())
