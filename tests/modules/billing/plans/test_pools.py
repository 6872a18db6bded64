"""An agency's pool: clients draw exactly what they lack, up to their limit, and nothing is lost or made between the ledgers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from tests.customers import Customer

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock
from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.pools import PoolShareWish, PoolWish
from nexusone.modules.billing.service import grants, pools, pools_drawing, verification
from nexusone.modules.billing.store import pools as pools_store
from nexusone.modules.billing.store import pools_drawing as draws
from nexusone.modules.billing.store.pools_drawing import NewDraw, ReturnRow
from nexusone.platform.runtime import Context, Runtime

HOUR = timedelta(hours=1)
CREDIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency with credits, and one client in its pool."""

    ctx: Context
    client: Context
    customer: Customer

    def over(self, runtime: Runtime) -> "Agency":
        """The same in another process."""
        return replace(self, ctx=replace(self.ctx, runtime=runtime), client=replace(self.client, runtime=runtime))

    async def share(self, **wanted: object) -> None:
        await pools.put_share(self.ctx, client_id=self.client.workspace, wanted=PoolShareWish.model_validate({"is_member": True, **wanted}))


@pytest.fixture
async def agency(customer: Customer, composition: Composition) -> AsyncIterator[Agency]:
    made = await customer.client.post("/v1/agency/workspaces", json={"name": "A client's"})
    assert made.status_code == 201, made.text
    ctx = composition.runtime.system(customer.workspace_id)
    await grants.grant_alone(ctx, key="g", amount_micros=100 * CREDIT, source="purchase")
    await pools.put_pool(ctx, wanted=PoolWish(is_open=True, mark_up_percent="10"))
    found = Agency(ctx, composition.runtime.system(UUID(made.json()["id"])), customer)
    await found.share()
    yield found


async def balances(agency: Agency) -> tuple[int, int]:
    """What is available to the agency and to its client; both ledgers add up."""
    for ctx in (agency.ctx, agency.client):
        assert await verification.verify(ctx) == []
    found = [(await api.get_balance(ctx)).available_micros for ctx in (agency.ctx, agency.client)]
    return found[0], found[1]


async def test_a_client_draws_exactly_what_it_lacks(agency: Agency) -> None:
    await grants.grant_alone(agency.client, key="own", amount_micros=4 * CREDIT, source="sign_up")
    await api.hold(agency.client, key="k", amount_micros=10 * CREDIT, purpose="text", expires_in=HOUR)
    assert await balances(agency) == (94 * CREDIT, 0)
    await api.hold(agency.client, key="k", amount_micros=10 * CREDIT, purpose="text", expires_in=HOUR)
    assert await balances(agency) == (94 * CREDIT, 0)
    await api.settle(agency.client, key="k", amount_micros=3 * CREDIT)
    assert await balances(agency) == (94 * CREDIT, 7 * CREDIT)


async def test_beyond_its_limit_a_client_draws_nothing(agency: Agency) -> None:
    await agency.share(monthly_limit="15")
    await api.hold(agency.client, key="a", amount_micros=10 * CREDIT, purpose="text", expires_in=HOUR)
    with pytest.raises(api.InsufficientCredits):
        await api.hold(agency.client, key="b", amount_micros=6 * CREDIT, purpose="text", expires_in=HOUR)
    await api.hold(agency.client, key="c", amount_micros=5 * CREDIT, purpose="text", expires_in=HOUR)
    assert await balances(agency) == (85 * CREDIT, 0)
    assert (await pools.get_pool(agency.ctx)).items[0].drawn_this_month == "15"


async def test_a_pool_that_does_not_cover_it_refuses_and_the_refusal_counts_for_nothing(agency: Agency) -> None:
    await agency.share(monthly_limit="1000")
    with pytest.raises(api.InsufficientCredits):
        await api.hold(agency.client, key="a", amount_micros=101 * CREDIT, purpose="text", expires_in=HOUR)
    assert await balances(agency) == (100 * CREDIT, 0)
    assert (await pools.get_pool(agency.ctx)).items[0].drawn_this_month == "0"


async def test_whoever_is_no_member_or_of_a_closed_pool_draws_nothing(agency: Agency) -> None:
    await pools.put_pool(agency.ctx, wanted=PoolWish(is_open=False))
    with pytest.raises(api.InsufficientCredits):
        await api.hold(agency.client, key="a", amount_micros=1, purpose="text", expires_in=HOUR)
    await pools.put_pool(agency.ctx, wanted=PoolWish(is_open=True))
    await agency.share(is_member=False)
    with pytest.raises(api.InsufficientCredits):
        await api.hold(agency.client, key="a", amount_micros=1, purpose="text", expires_in=HOUR)
    assert await balances(agency) == (100 * CREDIT, 0)


async def test_who_leaves_gives_back_what_is_not_used(agency: Agency) -> None:
    await api.hold(agency.client, key="k", amount_micros=10 * CREDIT, purpose="text", expires_in=HOUR)
    await api.settle(agency.client, key="k", amount_micros=3 * CREDIT)
    await agency.share(is_member=False)
    assert await balances(agency) == (97 * CREDIT, 0)


async def test_what_is_given_back_counts_against_the_limit_no_more(agency: Agency) -> None:
    await agency.share(monthly_limit="15")
    await api.hold(agency.client, key="k", amount_micros=10 * CREDIT, purpose="text", expires_in=HOUR)
    await api.settle(agency.client, key="k", amount_micros=3 * CREDIT)
    await agency.share(is_member=False, monthly_limit="15")
    assert (await pools.get_pool(agency.ctx)).items[0].drawn_this_month == "3"
    await agency.share(monthly_limit="15")
    with pytest.raises(api.InsufficientCredits):
        await api.hold(agency.client, key="over", amount_micros=12 * CREDIT + 1, purpose="text", expires_in=HOUR)
    await api.hold(agency.client, key="within", amount_micros=12 * CREDIT, purpose="text", expires_in=HOUR)
    assert (await pools.get_pool(agency.ctx)).items[0].drawn_this_month == "15"


async def test_a_return_lowers_the_latest_months_first_and_is_counted_once_however_often_it_is_ended(agency: Agency) -> None:
    client_id = agency.client.workspace
    for month, amount in ((1, 10), (2, 4)):
        wanted = NewDraw(agency.ctx.workspace, new_id(), client_id, f"m{month}", date(2026, month, 1), amount * CREDIT, agency.ctx.now())
        async with agency.ctx.transaction("billing") as tx:
            await draws.begin_draw(tx, wanted)
    await grants.grant_alone(agency.client, key="drawn", amount_micros=14 * CREDIT, source="pool")
    returned = ReturnRow(new_id(), agency.ctx.workspace, 6 * CREDIT)
    async with agency.client.transaction("billing") as tx:
        await draws.insert_return(tx, returned, workspace_id=client_id, now=agency.client.now())
    later = agency.over(replace(agency.ctx.runtime, clock=MovedClock(agency.ctx.now() + timedelta(minutes=3))))
    for _ in range(3):
        await pools_drawing.finish_begun(later.ctx.runtime.system())
    async with agency.ctx.transaction("billing") as tx:
        shown = {
            month: (await pools_store.list_shares(tx, workspace_id=agency.ctx.workspace, month=date(2026, month, 1)))[0].drawn_micros
            for month in (1, 2)
        }
    assert shown == {1: 8 * CREDIT, 2: 0}


async def test_mon_05_of_fifty_who_want_the_last_of_the_limit_exactly_one_draws(agency: Agency, crowded_runtime: Runtime) -> None:
    await agency.share(monthly_limit="1")
    crowded, at_once = agency.over(crowded_runtime), asyncio.Barrier(50)

    async def one(number: int) -> str:
        await at_once.wait()
        try:
            return (await api.hold(crowded.client, key=f"k{number}", amount_micros=CREDIT, purpose="text", expires_in=HOUR)).state
        except Refusal as refusal:
            return refusal.code

    outcomes = Counter(await asyncio.gather(*(one(number) for number in range(50))))
    assert outcomes == {"held": 1, "billing.insufficient_credits": 49}
    assert await balances(agency) == (99 * CREDIT, 0)


@pytest.mark.parametrize("done", ["asked", "held", "paid", "granted"])
async def test_res_03_a_draw_left_lying_at_any_step_is_ended_once(agency: Agency, done: str) -> None:
    draw_id, now = new_id(), agency.ctx.now()
    wanted = NewDraw(agency.ctx.workspace, draw_id, agency.client.workspace, "k:0", now.date().replace(day=1), 5 * CREDIT, now)
    async with agency.ctx.transaction("billing") as tx:
        await draws.begin_draw(tx, wanted)
    key = f"pool:{draw_id}"
    if done != "asked":
        await api.hold(agency.ctx, key=key, amount_micros=5 * CREDIT, purpose="pool", expires_in=HOUR)
    if done in ("paid", "granted"):
        await api.settle(agency.ctx, key=key, amount_micros=5 * CREDIT)
    if done == "granted":
        await grants.grant_alone(agency.client, key=key, amount_micros=5 * CREDIT, source="pool")
    later = agency.over(replace(agency.ctx.runtime, clock=MovedClock(now + timedelta(minutes=3))))
    await asyncio.gather(*(pools_drawing.finish_begun(later.ctx.runtime.system()) for _ in range(3)))
    assert await balances(agency) == (95 * CREDIT, 5 * CREDIT)
    assert await pools_drawing.draw(agency.client, agency_id=agency.ctx.workspace, key="k:0", amount_micros=5 * CREDIT)
    assert await balances(agency) == (95 * CREDIT, 5 * CREDIT)


async def test_what_clients_used_is_charged_with_their_mark_up(agency: Agency) -> None:
    await agency.share(mark_up_percent="12.5")
    await api.hold(agency.client, key="k", amount_micros=10 * CREDIT, purpose="text", expires_in=HOUR)
    await api.settle(agency.client, key="k", amount_micros=3 * CREDIT + 1)
    statement = await pools.get_statement(agency.ctx, month=None)
    (line,) = statement.items
    assert (line.cost, line.mark_up_percent, line.price) == ("3.000001", "12.5", "3.375001")
    assert (statement.cost, statement.price, statement.is_final) == ("3.000001", "3.375001", False)
    answer = await agency.customer.client.get("/v1/agency/rebilling.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines()[1].endswith(",A client's,3.000001,12.5,3.375001")
    before = datetime(2020, 1, 1, tzinfo=UTC).date()
    assert (await pools.get_statement(agency.ctx, month=before)).price == "0"


async def test_a_workspace_that_is_no_client_is_not_there(agency: Agency) -> None:
    for stranger in (new_id(), agency.ctx.workspace):
        answer = await agency.customer.client.put(f"/v1/agency/pool/{stranger}", json={"is_member": True})
        assert (answer.status_code, answer.json()["code"]) == (404, "billing.client_not_found")


async def test_the_pool_is_seen_and_set_over_http(agency: Agency) -> None:
    client = agency.customer.client
    wanted = {"is_open": True, "monthly_limit": "50", "mark_up_percent": "20"}
    shown = (await client.put("/v1/agency/pool", json=wanted)).json()
    assert (await client.get("/v1/agency/pool")).json() == shown
    assert shown["items"] == [
        {
            "workspace_id": str(agency.client.workspace),
            "is_member": True,
            "monthly_limit": "50",
            "mark_up_percent": "20",
            "drawn_this_month": "0",
        }
    ]
