"""Buying credits, giving them back, being disputed: over real HTTP, at both vendors."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.modules.billing.payments.shops import Shop

from nexusone.modules.billing.contracts.payments import NewRefund
from nexusone.modules.billing.ports import Trace
from nexusone.modules.billing.service import payments_credits, refunds
from nexusone.modules.billing.service.payment_gateways import chosen
from nexusone.modules.billing.service.refusals_payments import RefundExceedsPayment
from nexusone.modules.billing.service.verification import verify
from nexusone.platform.database import Database

SESSIONS = 50


async def test_paid_credits_are_granted_and_invoiced(shop: Shop) -> None:
    payment = await shop.payment(await shop.bought())
    assert (payment["state"], payment["purpose"], payment["credits"]) == ("captured", "purchase", "1000")
    assert (await shop.credits())["granted"] == "2000"
    assert await shop.invoice_state(payment["invoice_id"]) == "paid"
    assert await verify(shop.ctx) == []


async def test_mon_11_a_forged_return_leaves_it_unpaid(shop: Shop) -> None:
    bought = await shop.buy()
    forged = "?paid=1&token=x&PayerID=y&session_id=z&payment_status=paid"
    for path in (f"/v1/payments/{bought['payment']['id']}", "/v1/credits"):
        await shop.customer.client.get(f"{path}{forged}")
    await shop.work()
    assert (await shop.payment(bought["payment"]["id"]))["state"] == "pending"
    assert (await shop.credits())["granted"] == "1000"


async def test_whk_05_copies_in_any_order_are_one_payment(shop: Shop) -> None:
    await shop.listen(copies=4, order="held")
    bought = await shop.buy()
    await shop.visit(bought)
    await shop.post("/_webhooks/release")
    await shop.work()
    await shop.post("/_webhooks/release")
    await shop.work()
    assert (await shop.payment(bought["payment"]["id"]))["state"] == "captured"
    assert (await shop.credits())["granted"] == "2000"


async def test_a_lost_webhook_is_made_up_for_by_asking(shop: Shop) -> None:
    await shop.listen(is_deaf=True)
    bought = await shop.buy()
    await shop.visit(bought)
    await shop.wait(hours=2)
    assert (await shop.payment(bought["payment"]["id"]))["state"] == "captured"
    assert (await shop.credits())["granted"] == "2000"


async def test_an_unpaid_page_grants_nothing(shop: Shop) -> None:
    bought = await shop.buy()
    await shop.visit(bought, "decline")
    await shop.work()
    assert (await shop.payment(bought["payment"]["id"]))["state"] != "captured"
    assert (await shop.credits())["granted"] == "1000"


async def test_the_same_key_opens_one_page(shop: Shop) -> None:
    first, again = await shop.buy(key="k1"), await shop.buy(key="k1")
    assert again == first


async def test_res_03_a_request_that_was_cut_off_goes_on_under_its_key(shop: Shop) -> None:
    await shop.spoil("lost_answer", path="/checkout")
    wanted = {"pack": "small", "gateway": shop.gateway, "return_url": "https://app.example/back"}
    headers = {"Idempotency-Key": "k2"}
    cut = await shop.customer.client.post("/v1/credits/purchases", json=wanted, headers=headers)
    assert cut.status_code == 503, cut.text
    done = await shop.customer.client.post("/v1/credits/purchases", json=wanted, headers=headers)
    assert done.status_code == 201, done.text
    listed = (await shop.customer.client.get("/v1/payments")).json()["items"]
    assert len(listed) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"gateway": "nobody"}, "billing.gateway_unknown"),
        ({"pack": "huge"}, "billing.purchase_not_priced"),
        ({"credits": "100"}, "billing.purchase_not_priced"),
        ({"currency": "XXX"}, "billing.purchase_not_priced"),
        ({"return_url": "http://evil.example/"}, "billing.return_address_refused"),
    ],
)
async def test_what_cannot_be_bought_is_refused(shop: Shop, fields: dict[str, object], code: str) -> None:
    wanted = {"pack": "small", "gateway": shop.gateway, "return_url": "https://app.example/back", **fields}
    answer = await shop.customer.client.post("/v1/credits/purchases", json=wanted, headers={"Idempotency-Key": "k"})
    assert answer.json()["code"] == code


async def test_mon_09_refunds_in_parts_take_the_unspent_credits_with_them(shop: Shop) -> None:
    paid = await shop.payment(await shop.bought())
    total = paid["amount"]["amount"]
    status, first = await shop.refund(paid["id"], amount=total // 3, reason="a third")
    assert (status, first["state"]) == (201, "succeeded"), first
    status, _ = await shop.refund(paid["id"])
    assert status == 201
    await shop.work()
    status, problem = await shop.refund(paid["id"], amount=1)
    assert (status, problem["code"]) == (422, "billing.refund_exceeds_payment")
    assert (await shop.payment(paid["id"]))["refunded"]["amount"] == total
    given = (await shop.customer.client.get(f"/v1/payments/{paid['id']}/refunds")).json()["items"]
    assert sum(float(one["credits_taken"]) for one in given) == 1000
    assert (await shop.credits())["available"] == "1000"
    assert await verify(shop.ctx) == []


async def test_mon_09_fifty_at_once_never_give_back_more_than_came_in(shop: Shop) -> None:
    paid = await shop.payment(await shop.bought())
    part = paid["amount"]["amount"] // 4
    answers = await asyncio.gather(*(shop.refund(paid["id"], amount=part) for _ in range(50)))
    statuses = sorted(status for status, _ in answers)
    given = (await shop.customer.client.get(f"/v1/payments/{paid['id']}/refunds")).json()["items"]
    assert sum(one["amount"]["amount"] for one in given if one["state"] != "failed") <= paid["amount"]["amount"]
    assert statuses.count(201) == 4, [answer for answer in answers if answer[0] not in (201, 422)][:3]


async def test_mon_09_fifty_database_sessions_at_once_never_give_back_more_than_came_in(shop: Shop, database: TestDatabase) -> None:
    paid = await shop.payment(await shop.bought())
    total = paid["amount"]["amount"]
    wanted = NewRefund(amount=total // 4, reason="")
    pool = Database(database.url, connections_max=SESSIONS)
    await pool.open()
    ctx = replace(shop.ctx, runtime=replace(shop.ctx.runtime, database=pool))
    all_open = asyncio.Barrier(SESSIONS)

    async def give_back() -> str:
        async with ctx.transaction("billing"):
            await all_open.wait()
        try:
            return (await refunds.refund(ctx, payment_id=UUID(paid["id"]), wanted=wanted)).state
        except RefundExceedsPayment:
            return "refused"

    try:
        ends = await asyncio.gather(*(give_back() for _ in range(SESSIONS)))
        assert pool.statistics()["pool_size"] == SESSIONS
    finally:
        await pool.close()
    assert (ends.count("refused"), len(ends)) == (SESSIONS - 4, SESSIONS)
    await shop.wait(minutes=2)
    assert (await shop.payment(paid["id"]))["refunded"]["amount"] == 4 * (total // 4)
    assert await verify(shop.ctx) == []


@pytest.mark.parametrize("is_taken_first", [True, False])
@pytest.mark.parametrize("gateway", ["stripe"])
async def test_a_refund_that_fails_after_it_succeeded_gives_its_credits_back(shop: Shop, is_taken_first: bool) -> None:
    paid = await shop.bought()
    status, made = await shop.refund(paid)
    assert (status, made["state"]) == (201, "succeeded")
    if is_taken_first:
        await shop.work()
        assert (await shop.credits())["available"] == "1000"
    _, vendor = chosen(shop.ctx, name=shop.gateway)
    trace = Trace(reference="", subject=await shop.subject(paid), customer=None, since=shop.clock.now())
    seen = await vendor.find_payment(trace)
    assert seen is not None
    await shop.post(f"/_refunds/{seen.refunds[0].vendor_id}")
    for _ in range(2):
        await shop.work()
        await payments_credits.take_back(shop.ctx, refund_id=UUID(made["id"]))
    assert (await shop.credits())["available"] == "2000"
    assert (await shop.payment(paid))["refunded"]["amount"] == 0
    status, again = await shop.refund(paid)
    assert (status, again["state"]) == (201, "succeeded")
    await shop.work()
    assert (await shop.credits())["available"] == "1000"
    assert await verify(shop.ctx) == []


async def test_a_repeated_refund_is_given_once(shop: Shop) -> None:
    paid = await shop.bought()
    _, first = await shop.refund(paid, key="r1", amount=100)
    _, again = await shop.refund(paid, key="r1", amount=100)
    assert again["id"] == first["id"]
    assert (await shop.payment(paid))["refunded"]["amount"] == 100


async def test_a_refund_whose_answer_was_lost_is_found_again(shop: Shop) -> None:
    paid = await shop.bought()
    await shop.spoil("lost_answer", path="refund")
    status, made = await shop.refund(paid, amount=100)
    assert (status, made["state"]) == (201, "unknown")
    await shop.wait(minutes=2)
    assert (await shop.payment(paid))["refunded"]["amount"] == 100
    calls = [one for one in await shop.asked() if one["method"] == "POST" and "refund" in one["path"]]
    assert len({one["key"] for one in calls[-1:]}) == 1


@pytest.mark.parametrize("is_won", [True, False])
async def test_a_dispute_sets_the_credits_aside(shop: Shop, is_won: bool) -> None:
    paid = await shop.bought()
    subject = await shop.subject(paid)
    dispute = await shop.post(f"/_disputes/{subject}")
    await shop.work()
    assert (await shop.credits())["held"] == "1000"
    ends = {"stripe": ("won", "lost"), "paypal": ("RESOLVED_SELLER_FAVOUR", "RESOLVED_BUYER_FAVOUR")}[shop.gateway]
    await shop.post(f"/_disputes/{dispute.get('id') or dispute['dispute_id']}?close={ends[0] if is_won else ends[1]}")
    await shop.work()
    left = await shop.credits()
    assert (left["held"], left["available"]) == ("0", "2000" if is_won else "1000")
    assert await verify(shop.ctx) == []
