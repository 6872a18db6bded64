"""Invoices charged to saved ways to pay: once, whatever breaks, at both vendors."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from tests.modules.billing.payments.shops import Shop

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.billing.ports import PaymentGateways
from nexusone.modules.billing.service import collecting, payments_calling
from nexusone.modules.billing.service.payment_gateways import chosen
from nexusone.modules.billing.store import payments


async def charges(shop: Shop, invoice_id: UUID) -> int:
    """How often the vendor has charged for an invoice."""
    vendor = shop.composition.runtime.port(PaymentGateways).by_name[shop.gateway]
    listed = await vendor.list_payments(since=datetime.now(UTC) - timedelta(hours=1), until=datetime.now(UTC) + timedelta(hours=9))
    ours = {f"{shop.ctx.workspace.hex}.{UUID(one['id']).hex}" for one in await shop.payments_of(invoice_id)}
    return sum(one.reference in ours for one in listed)


async def test_an_invoice_is_charged_to_the_saved_method(shop: Shop) -> None:
    await shop.saved()
    invoice = await shop.invoiced()
    await shop.work()
    assert await shop.invoice_state(str(invoice)) == "paid"
    assert await charges(shop, invoice) == 1


async def test_without_a_method_the_invoice_stays_open(shop: Shop) -> None:
    invoice = await shop.invoiced()
    await shop.work()
    assert await shop.invoice_state(str(invoice)) == "open"
    assert await shop.payments_of(invoice) == []


@pytest.mark.parametrize(("way", "failure"), [("pay_declines_later", "insufficient_funds"), ("pay_asks_later", "needs_authentication")])
async def test_a_payers_no_is_kept_with_its_reason(shop: Shop, way: str, failure: str) -> None:
    await shop.saved(way=way)
    invoice = await shop.invoiced()
    await shop.work()
    (payment,) = await shop.payments_of(invoice)
    assert (payment["state"], payment["failure"]) == ("failed", failure)
    assert await shop.invoice_state(str(invoice)) == "open"


@pytest.mark.parametrize("mode", ["lost_answer", "error_after_work", "reset", "server_error"])
async def test_res_02_an_unknown_outcome_is_looked_up_and_never_charged_twice(shop: Shop, mode: str) -> None:
    await shop.saved()
    await shop.listen(is_deaf=True)
    await shop.spoil(mode)
    invoice = await shop.invoiced()
    await shop.work()
    (payment,) = await shop.payments_of(invoice)
    assert payment["state"] == "unknown"
    await shop.spoil(None)
    await shop.wait(minutes=2)
    assert await shop.invoice_state(str(invoice)) == "paid"
    assert await charges(shop, invoice) == 1
    asked, reference = await shop.asked(), f"{shop.ctx.workspace.hex}.{UUID(payment['id']).hex}"
    charged = [place for place, one in enumerate(asked) if one["key"] == reference]
    for earlier, repeated in pairwise(charged):
        assert any(one["method"] == "GET" for one in asked[earlier:repeated])


async def test_collecting_at_once_charges_once(shop: Shop) -> None:
    await shop.saved()
    invoice = await shop.invoiced()
    await asyncio.gather(*(collecting.collect(shop.ctx, invoice_id=invoice) for _ in range(8)))
    await shop.work()
    assert await shop.invoice_state(str(invoice)) == "paid"
    assert await charges(shop, invoice) == 1


async def test_res_03_a_process_that_died_after_the_intent_leaves_it_to_be_taken_up(shop: Shop) -> None:
    await shop.saved()
    invoice = await shop.invoiced()
    # What a process killed between intent and call leaves: a row, and nothing at the vendor.
    await shop.spoil("rate_limit", delay_seconds=0)
    with pytest.raises(DefiniteFailure):
        await collecting.collect(shop.ctx, invoice_id=invoice)
    assert await charges(shop, invoice) == 0
    await shop.spoil(None)
    await shop.wait(minutes=2)
    assert await shop.invoice_state(str(invoice)) == "paid"
    assert await charges(shop, invoice) == 1


async def test_res_03_a_process_that_died_after_the_call_does_not_charge_again(shop: Shop) -> None:
    await shop.saved()
    await shop.listen(is_deaf=True)
    invoice = await shop.invoiced()
    await shop.spoil("lost_answer")
    await collecting.collect(shop.ctx, invoice_id=invoice)
    (payment,) = await shop.payments_of(invoice)
    # And again at once, as a second worker that took the job over would.
    await collecting.collect(shop.ctx, invoice_id=invoice)
    await payments_calling.pursue(shop.ctx, payment_id=UUID(payment["id"]))
    assert await shop.invoice_state(str(invoice)) == "paid"
    assert await charges(shop, invoice) == 1


async def test_a_declined_invoice_can_be_collected_with_another_method(shop: Shop) -> None:
    await shop.saved(way="pay_declines_later")
    invoice = await shop.invoiced()
    await shop.work()
    await shop.saved()
    (good, _) = (await shop.customer.client.get("/v1/payment-methods")).json()["items"]
    answer = await shop.customer.client.post(f"/v1/payment-methods/{good['id']}/make-default")
    assert answer.status_code == 200, answer.text
    await collecting.collect(shop.ctx, invoice_id=invoice)
    assert await shop.invoice_state(str(invoice)) == "paid"
    assert sorted(one["state"] for one in await shop.payments_of(invoice)) == ["captured", "failed"]


async def test_a_removed_method_is_forgotten_by_the_vendor(shop: Shop) -> None:
    await shop.saved()
    (method,) = (await shop.customer.client.get("/v1/payment-methods")).json()["items"]
    assert method["is_default"]
    assert (await shop.customer.client.delete(f"/v1/payment-methods/{method['id']}")).status_code == 204
    assert (await shop.customer.client.get("/v1/payment-methods")).json()["items"] == []
    _, vendor = chosen(shop.ctx, name=shop.gateway)
    async with shop.ctx.transaction("billing") as tx:
        (row, *_) = await payments.list_payments(tx, workspace_id=shop.ctx.workspace, before=None, limit=1)
    assert await vendor.list_methods(customer=row.customer) == []
