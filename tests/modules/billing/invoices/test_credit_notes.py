"""MON-09 for invoices: what is credited never exceeds what was charged, by line or in all, however it is cut and whoever races."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.modules.billing.invoices.billed import bill_to, draft, issue

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.invoices import CreditedLine, NewCreditNote
from nexusone.modules.billing.domain.credit_notes import CreditedShare, LineStanding, NotCreditable, credit_all, credit_amount, credit_lines
from nexusone.modules.billing.domain.invoices import totals_of
from nexusone.modules.billing.service import crediting, invoice_lists, invoicing
from nexusone.modules.billing.service.refusals_invoices import CreditExceedsInvoice, InvoiceNotFound, InvoiceSettled
from nexusone.platform.runtime import Context

STEPS = st.lists(st.one_of(st.none(), st.integers(1, 5000), st.tuples(st.integers(1, 4), st.integers(-500, 5000))), max_size=12)


def standing(amounts: list[int], rate_bps: int) -> list[LineStanding]:
    """The lines of an invoice of which nothing is credited."""
    totals = totals_of(draft(*amounts).lines, rate_bps=rate_bps)
    return [LineStanding(place, net, tax, 0, 0) for place, (net, tax) in enumerate(zip(amounts, totals.line_taxes, strict=True), 1)]


def after(lines: list[LineStanding], shares: tuple[CreditedShare, ...]) -> list[LineStanding]:
    """The lines with some more credited."""
    taken = {share.position: share for share in shares}
    return [
        LineStanding(line.position, line.net, line.tax, line.credited_net + share.net, line.credited_tax + share.tax)
        if (share := taken.get(line.position))
        else line
        for line in lines
    ]


def attempt(lines: list[LineStanding], step: int | tuple[int, int] | None) -> tuple[CreditedShare, ...]:
    """One credit note, cut in one of the three ways."""
    if step is None:
        return credit_all(lines)
    if isinstance(step, tuple):
        return credit_lines(lines, {step[0]: step[1]})
    return credit_amount(lines, step)


@given(
    st.lists(st.integers(-300, 4000), min_size=1, max_size=4).filter(lambda amounts: sum(amounts) > 0),
    st.sampled_from([0, 810, 1900, 2550]),
    STEPS,
)
def test_mon_09_credits_add_up_to_the_invoice_and_no_further(
    amounts: list[int], rate_bps: int, steps: list[int | tuple[int, int] | None]
) -> None:
    lines = standing(amounts, rate_bps)
    whole = sum(line.net + line.tax for line in lines)
    credited = 0
    for step in steps:
        try:
            shares = attempt(lines, step)
        except NotCreditable:
            continue
        part = sum(share.net + share.tax for share in shares)
        assert part > 0
        if isinstance(step, int):
            assert part == step
        credited, lines = credited + part, after(lines, shares)
        assert credited <= whole
        for line in lines:
            assert abs(line.credited_net) <= abs(line.net)
    if credited < whole:
        shares = credit_all(lines)
        lines = after(lines, shares)
        assert credited + sum(share.net + share.tax for share in shares) == whole
    assert all(line.net_left == 0 and line.tax_left == 0 for line in lines)


def wanted(key: str, *lines: tuple[int, int]) -> NewCreditNote:
    """A request."""
    chosen = [CreditedLine(position=position, amount=amount) for position, amount in lines] or None
    return NewCreditNote(key=key, reason="Charged twice", lines=chosen)


async def credited(ctx: Context, invoice: UUID) -> int:
    return (await invoice_lists.get_invoice(ctx, invoice_id=invoice)).invoice.credited.amount


async def test_part_and_rest_make_the_whole_with_its_tax(ctx: Context) -> None:
    invoice = await issue(await bill_to(ctx), 1001, 333)
    part = await crediting.issue_credit_note(ctx, invoice_id=invoice, wanted=wanted("a", (1, 500)))
    assert (part.net.amount, part.tax.amount) == (500, 95)
    rest = await crediting.issue_credit_note(ctx, invoice_id=invoice, wanted=wanted("b"))
    found = await invoice_lists.get_invoice(ctx, invoice_id=invoice)
    assert part.total.amount + rest.total.amount == found.invoice.total.amount == found.invoice.credited.amount
    assert [note.number for note in found.credit_notes] == [part.number, rest.number]
    with pytest.raises(CreditExceedsInvoice):
        await crediting.issue_credit_note(ctx, invoice_id=invoice, wanted=wanted("c"))


async def test_a_repeated_key_gives_the_note_there_is(ctx: Context) -> None:
    invoice = await issue(await bill_to(ctx), 1000)
    first = await crediting.issue_credit_note(ctx, invoice_id=invoice, wanted=wanted("a", (1, 100)))
    assert await crediting.issue_credit_note(ctx, invoice_id=invoice, wanted=wanted("a", (1, 100))) == first
    assert await credited(ctx, invoice) == 119


async def test_mon_09_twenty_credits_at_once_never_exceed_the_invoice(ctx: Context) -> None:
    invoice = await issue(await bill_to(ctx), 1000)

    async def one(number: int) -> bool:
        try:
            await crediting.issue_credit_note(ctx, invoice_id=invoice, wanted=wanted(f"k{number}", (1, 300)))
        except CreditExceedsInvoice:
            return False
        return True

    assert sum(await asyncio.gather(*(one(number) for number in range(20)))) == 3
    assert await credited(ctx, invoice) == 3 * 357


async def test_a_refund_is_credited_over_all_lines_and_lowers_what_is_due(ctx: Context) -> None:
    invoice = await issue(await bill_to(ctx), 1000, 500, -100)
    async with ctx.transaction("billing") as tx:
        await crediting.credit(ctx, tx, invoice_id=invoice, key="refund", reason="Refund", amount=833)
    async with ctx.transaction("billing") as tx:
        due = await invoicing.find_due(ctx, tx, invoice_id=invoice)
    assert due.amount.amount == 1666 - 833


@pytest.mark.parametrize("lines", [((2, 1),), ((1, 1001),), ((1, 0),), ((1, -5),)])
async def test_more_than_is_left_or_nothing_is_refused(ctx: Context, lines: tuple[tuple[int, int], ...]) -> None:
    invoice = await issue(await bill_to(ctx), 1000)
    with pytest.raises(CreditExceedsInvoice):
        await crediting.issue_credit_note(ctx, invoice_id=invoice, wanted=wanted("a", *lines))
    assert await credited(ctx, invoice) == 0


async def test_a_void_or_unknown_invoice_is_not_credited(ctx: Context) -> None:
    invoice = await issue(await bill_to(ctx), 1000)
    async with ctx.transaction("billing") as tx:
        await invoicing.void(ctx, tx, invoice_id=invoice)
    with pytest.raises(InvoiceSettled):
        await crediting.issue_credit_note(ctx, invoice_id=invoice, wanted=wanted("a"))
    with pytest.raises(InvoiceNotFound):
        await crediting.issue_credit_note(ctx, invoice_id=new_id(), wanted=wanted("a"))
