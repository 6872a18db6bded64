"""RES-11: whatever is told, in whatever order and how often, payments end in the same state."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import ContextMaker, TestDatabase
from tests.modules.billing.subscriptions.subscribed import company

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import Money
from nexusone.modules.billing.domain.payments import (
    DISPUTE_ORDER,
    PAYMENT_ORDER,
    REFUND_ORDER,
    credits_of_refund,
    later,
    read_reference,
    reference_of,
)
from nexusone.modules.billing.ports import VendorDispute, VendorPayment, VendorRefund
from nexusone.modules.billing.service.balances import get_balance
from nexusone.modules.billing.service.payments_settling import settle
from nexusone.modules.billing.service.verification import verify
from nexusone.modules.billing.store import payments, payments_refunds
from nexusone.modules.billing.store.payments import NewPayment
from nexusone.platform.runtime import Context

OBJECTS = 40
COPIES = 5
SEED = 20261123


def history(rng: random.Random, payment_id: UUID, workspace_id: UUID) -> list[VendorPayment]:
    """How a payment looked at its vendor, from first to last."""
    reference, amount = reference_of(workspace_id, payment_id), Money(amount=1_000, currency="EUR")
    base = VendorPayment(
        subject=f"s{payment_id.hex}", reference=reference, amount=amount, state="open", created_at=datetime(2026, 5, 1, tzinfo=UTC)
    )
    looks = [base]
    if rng.random() < 0.2:
        return [*looks, _as(base, state="canceled")]
    looks += [_as(base, state="processing"), _as(base, state="captured", capture_id="c")]
    refunds: tuple[VendorRefund, ...] = ()
    for number in range(rng.randint(0, 3)):
        refund = VendorRefund(vendor_id=f"r{number}", reference=None, amount=rng.choice([100, 250, 333]), state="pending")
        looks.append(_as(looks[-1], refunds=(*refunds, refund)))
        refunds = (*refunds, VendorRefund(refund.vendor_id, None, refund.amount, rng.choice(["succeeded", "succeeded", "failed"])))
        looks.append(_as(looks[-1], refunds=refunds))
    if rng.random() < 0.3:
        looks.append(_as(looks[-1], disputes=(VendorDispute("d", 1_000, "open", "fraud"),)))
        looks.append(_as(looks[-1], disputes=(VendorDispute("d", 1_000, rng.choice(["won", "lost"]), "fraud"),)))
    return looks


def _as(look: VendorPayment, **changes: object) -> VendorPayment:
    values = {name: getattr(look, name) for name in VendorPayment.__slots__}
    return VendorPayment(**{**values, **changes})


async def begun(ctx: Context, *, invoice_id: UUID | None = None) -> UUID:
    """A payment whose page is open."""
    wanted = NewPayment(
        workspace_id=ctx.workspace,
        id=new_id(),
        gateway="nobody",
        purpose="purchase" if invoice_id is None else "invoice",
        flow="checkout",
        amount=1_000,
        currency="EUR",
        net=1_000,
        credits=7_000_000 if invoice_id is None else None,
        invoice_id=invoice_id,
        method_id=None,
        customer="",
        description="7 credits",
        request_key=None,
        now=ctx.now(),
        probe_at=ctx.now(),
    )
    async with ctx.transaction("billing") as tx:
        await payments.insert_payment(tx, wanted)
    return wanted.id


async def told(ctx: Context, payment_id: UUID, looks: Sequence[VendorPayment]) -> object:
    """Tells all, and says what it came to."""
    for look in looks:
        await settle(ctx, payment_id=payment_id, seen=look)
    async with ctx.transaction("billing") as tx:
        row = await payments.find_payment(tx, workspace_id=ctx.workspace, payment_id=payment_id)
        refunds = await payments_refunds.list_refunds(tx, workspace_id=ctx.workspace, payment_id=payment_id)
        disputes = await payments_refunds.list_disputes(tx, workspace_id=ctx.workspace, payment_id=payment_id)
    assert row is not None
    return (
        row.state,
        row.refunded_minor,
        sorted((one.vendor_id, one.state, one.amount_minor) for one in refunds),
        sum(one.credits_due_micros for one in refunds if one.state == "succeeded"),
        [(one.vendor_id, one.state) for one in disputes],
    )


async def test_res_11_shuffled_repeated_and_late_news_end_as_in_order(ctx: Context) -> None:
    rng = random.Random(SEED)
    captured = 0
    for _ in range(OBJECTS):
        ordered, shuffled = await begun(ctx), await begun(ctx)
        state = rng.getstate()
        plain = history(rng, ordered, ctx.workspace)
        rng.setstate(state)
        mixed = [look for look in history(rng, shuffled, ctx.workspace) for _ in range(rng.randint(1, COPIES))]
        rng.shuffle(mixed)
        expected = await told(ctx, ordered, plain)
        assert await told(ctx, shuffled, mixed) == expected
        captured += 2 * (plain[-1].state == "captured")
    assert (await get_balance(ctx)).granted_micros == captured * 7_000_000
    assert await verify(ctx) == []


@pytest.mark.parametrize("is_over", [True, False])
async def test_money_for_a_subscription_that_has_ended_is_an_incident(
    make_context: ContextMaker, database: TestDatabase, is_over: bool
) -> None:
    here = await company(make_context)
    first = await here.subscribed()
    here.move_to(first.period_end)
    await here.tick()
    invoice = (await here.invoices())[-1]
    await here.fail(invoice.id)
    if is_over:
        await here.cancel("now")
    payment_id = await begun(here.ctx, invoice_id=invoice.id)
    looks = history(random.Random(SEED), payment_id, here.ctx.workspace)[:1]
    for _ in range(2):
        await told(here.ctx, payment_id, [_as(looks[0], state="captured", capture_id="c")])
    with psycopg.connect(database.admin_url) as admin:
        found = admin.execute("select kind, found_minor from billing.payment_incident where payment_id = %s", (payment_id,)).fetchall()
    assert found == ([("unclaimed", 1_000)] if is_over else [])


@given(st.lists(st.sampled_from(PAYMENT_ORDER), min_size=1, max_size=12), st.randoms())
def test_res_11_payment_states_do_not_depend_on_order(states: list[Any], rng: random.Random) -> None:
    for order in (PAYMENT_ORDER, REFUND_ORDER, DISPUTE_ORDER):
        seen = [one for one in states if one in order] or [order[0]]
        ends = set()
        for _ in range(4):
            rng.shuffle(seen)
            known: Any = order[0]
            for one in [*seen, *seen]:
                known = later(order, known, one)
            ends.add(known)
        assert len(ends) == 1


@given(st.integers(1, 10**12), st.lists(st.integers(1, 10**6), min_size=1, max_size=12))
def test_mon_09_the_credits_of_refunds_add_up_to_the_purchase(credits_micros: int, parts: list[int]) -> None:
    paid, before, total = sum(parts), 0, 0
    for part in parts:
        share = credits_of_refund(credits_micros=credits_micros, paid=paid, before=before, amount=part)
        assert share >= 0
        total, before = total + share, before + part
    assert total == credits_micros


@given(st.uuids(), st.uuids(), st.text(max_size=80))
def test_references_are_read_back_and_nothing_else_is(workspace: UUID, payment: UUID, other: str) -> None:
    assert read_reference(reference_of(workspace, payment)) == (workspace, payment)
    found = read_reference(other)
    assert found is None or reference_of(*found) == other.lower()
