"""The overdraft a plan allows: there from the first payment, gone with the plan, and never for who has not paid."""

from datetime import timedelta

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.subscriptions.subscribed import CREDIT, HOUR, Company, company

from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.plans import NewPlanVersion
from nexusone.modules.billing.contracts.subscriptions import SubscriptionMoment
from nexusone.modules.billing.service import verification
from nexusone.modules.billing.service.plan_versions import check_version
from nexusone.modules.billing.service.refusals_plans import PlanFaulty
from nexusone.modules.billing.store import overdraft


async def limit(here: Company) -> int:
    async with here.ctx.transaction("billing") as tx:
        return await overdraft.find_limit(tx, workspace_id=here.ctx.workspace) // CREDIT


async def spend_beyond(here: Company, *, excess: int) -> None:
    """Holds all there is and settles more."""
    key, held = str(new_id()), (await api.get_balance(here.ctx)).available_micros
    await api.hold(here.ctx, key=key, amount_micros=held, purpose="text", expires_in=HOUR)
    try:
        await api.settle(here.ctx, key=key, amount_micros=held + excess * CREDIT)
    except api.SettleExceedsHold:
        await api.release(here.ctx, key=key)
        raise


async def overdrawn(here: Company) -> int:
    assert await verification.verify(here.ctx) == []
    return (await api.get_balance(here.ctx)).overdraft_micros // CREDIT


async def test_a_plan_that_allows_it_lets_a_settle_go_over_its_hold_once_it_is_paid_for(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.start("scale")
    assert await limit(here) == 0
    await here.pay_all()
    assert await limit(here) == 5000
    await spend_beyond(here, excess=4000)
    assert await overdrawn(here) == 4000


async def test_a_plan_that_does_not_allow_it_refuses(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.subscribed("starter")
    with pytest.raises(api.SettleExceedsHold):
        await spend_beyond(here, excess=1)
    assert (await limit(here), await overdrawn(here)) == (0, 0)


async def test_an_upgrade_allows_it_at_once_and_each_piece_adds_to_it(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.subscribed("starter")
    await here.change(plan="scale")
    assert await limit(here) == 5000
    await here.change(quantity=3)
    assert await limit(here) == 15_000


async def test_a_downgrade_ends_it_with_the_renewal_and_what_is_owed_stays_owed(make_context: ContextMaker) -> None:
    here = await company(make_context)
    first = await here.subscribed("scale")
    await here.change(plan="starter")
    assert await limit(here) == 5000
    await spend_beyond(here, excess=3000)
    here.move_to(first.period_end)
    await here.tick()
    await here.pay_all()
    assert (await limit(here), await overdrawn(here), await here.credits()) == (0, 1000, 0)
    here.move_to((await here.seen()).period_end)
    await here.tick()
    with pytest.raises(api.SettleExceedsHold):
        await spend_beyond(here, excess=1)
    assert await overdrawn(here) == 0


@pytest.mark.parametrize("when", ["now", "period_end"])
async def test_it_ends_with_the_subscription(make_context: ContextMaker, when: SubscriptionMoment) -> None:
    here = await company(make_context)
    first = await here.subscribed("scale")
    await here.cancel(when)
    assert await limit(here) == (0 if when == "now" else 5000)
    here.move_to(first.period_end)
    await here.tick()
    assert await limit(here) == 0


async def test_who_pauses_or_does_not_pay_has_none_until_all_is_well_again(make_context: ContextMaker) -> None:
    here = await company(make_context)
    first = await here.subscribed("scale")
    here.move_to(first.period_end + timedelta(hours=1))
    await here.tick()
    await here.fail((await here.invoices())[-1].id)
    assert await limit(here) == 0
    await here.pay_all()
    assert await limit(here) == 5000
    await here.pause("now")
    assert await limit(here) == 0


def test_a_version_says_how_far_if_and_only_if_it_allows_it() -> None:
    for wrong in ({"allows_overdraft": True}, {"overdraft_limit": "5"}):
        with pytest.raises(PlanFaulty):
            check_version(NewPlanVersion.model_validate({"features": {}, **wrong}), price_lists=set())
