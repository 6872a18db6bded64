"""Holding, settling, releasing."""

from datetime import UTC, datetime, timedelta

import pytest

from nexusone.modules.billing import api
from nexusone.modules.billing.service import grants, margins, usage, verification
from nexusone.platform.runtime import Context

HOUR = timedelta(hours=1)


async def test_settling_books_what_was_used_and_gives_the_rest_back(ctx: Context) -> None:
    await grants.grant_alone(ctx, key="g", amount_micros=100, source="sign_up")
    await api.hold(ctx, key="k", amount_micros=60, purpose="text", expires_in=HOUR)
    during = await api.get_balance(ctx)
    assert (during.available_micros, during.held_micros) == (40, 60)
    settled = await api.settle(ctx, key="k", amount_micros=25)
    after = await api.get_balance(ctx)
    assert (settled.state, settled.settled_micros) == ("settled", 25)
    assert (after.available_micros, after.held_micros, after.spent_micros) == (75, 0, 25)
    assert await verification.verify(ctx) == []


async def test_a_known_part_of_another_amount_is_refused_even_where_it_is_nothing(ctx: Context) -> None:
    await grants.grant_alone(ctx, key="g", amount_micros=100, source="purchase")
    await api.hold(ctx, key="k", amount_micros=10, purpose="text", expires_in=timedelta(hours=1))
    await api.settle_part(ctx, key="k", part_key="p", amount_micros=3)
    with pytest.raises(api.KeyConflict):
        await api.settle_part(ctx, key="k", part_key="p", amount_micros=0)
    assert (await api.settle_part(ctx, key="k", part_key="p", amount_micros=3)).settled_micros == 3
    assert await verification.verify(ctx) == []


def _use(number: int = 0) -> api.UsageEvent:
    return api.UsageEvent(id=f"use:{number}", meter="ai.text_input_tokens", quantity=7, occurred_at=datetime.now(tz=UTC))


@pytest.mark.parametrize("grants_made", [1, 2], ids=["in one trip", "across grants"])
async def test_settling_notes_what_a_vendor_charged_and_what_was_used_once(ctx: Context, grants_made: int) -> None:
    for number in range(grants_made):
        await grants.grant_alone(ctx, key=f"g{number}", amount_micros=100 // grants_made, source="purchase")
    await api.hold(ctx, key="k", amount_micros=80, purpose="text", expires_in=HOUR)
    used = [_use()]
    for _ in range(2):
        settled = await api.settle_noting(ctx, key="k", amount_micros=60, cost_nano=5_000, events=used)
        assert (settled.state, settled.settled_micros) == ("settled", 60)
    margin = await margins.get_margin(ctx, since=None, until=None)
    assert [(row.purpose, row.cost_nano) for row in margin.purposes] == [("text", 5_000)]
    assert [meter.value for meter in (await usage.get_usage(ctx, since=None, until=None)).meters if meter.meter == used[0].meter] == [7]
    assert await verification.verify(ctx) == []


async def test_settling_that_is_refused_notes_nothing(ctx: Context) -> None:
    await grants.grant_alone(ctx, key="g", amount_micros=100, source="purchase")
    await api.hold(ctx, key="k", amount_micros=10, purpose="text", expires_in=HOUR)
    with pytest.raises(api.SettleExceedsHold):
        await api.settle_noting(ctx, key="k", amount_micros=60, cost_nano=5_000, events=[_use()])
    with pytest.raises(api.HoldNotFound):
        await api.settle_noting(ctx, key="other", amount_micros=1, cost_nano=5_000, events=[_use()])
    assert not [row for row in (await margins.get_margin(ctx, since=None, until=None)).purposes if row.cost_nano]
    assert all(meter.value == 0 for meter in (await usage.get_usage(ctx, since=None, until=None)).meters)
    assert await verification.verify(ctx) == []
