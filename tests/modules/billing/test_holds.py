"""Holding, settling, releasing."""

from datetime import timedelta

import pytest

from nexusone.modules.billing import api
from nexusone.modules.billing.service import grants, verification
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
