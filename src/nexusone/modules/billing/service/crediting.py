"""Credit notes: the only way in which an invoice is corrected."""

from collections.abc import Callable, Sequence
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.invoices import CreditNote, NewCreditNote, PaperOrder
from nexusone.modules.billing.domain.credit_notes import CreditedShare, LineStanding, NotCreditable, credit_all, credit_amount, credit_lines
from nexusone.modules.billing.events.invoices import CreditNoteIssued
from nexusone.modules.billing.service.invoice_views import credit_note_of
from nexusone.modules.billing.service.invoicing import TYPESET_JOB, number_of
from nexusone.modules.billing.service.issuers import issuer_called
from nexusone.modules.billing.service.refusals_invoices import CreditExceedsInvoice, InvoiceNotFound, InvoiceSettled
from nexusone.modules.billing.store import credit_notes, invoice_reading, invoices
from nexusone.modules.billing.store.credit_notes import NewNote
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

Taking = Callable[[Sequence[LineStanding]], tuple[CreditedShare, ...]]


async def issue_credit_note(ctx: Context, *, invoice_id: UUID, wanted: NewCreditNote) -> CreditNote:
    """Takes back all or part of an invoice, once per key.

    Raises:
        InvoiceNotFound: no such invoice.
        CreditExceedsInvoice: more than is left, or nothing.
        InvoiceSettled: the invoice is void.
    """
    asked = {line.position: line.amount for line in wanted.lines or ()}

    def taking(lines: Sequence[LineStanding]) -> tuple[CreditedShare, ...]:
        return credit_all(lines) if wanted.lines is None else credit_lines(lines, asked)

    async def work(tx: Transaction) -> CreditNote:
        note_id = await _credit(ctx, tx, invoice_id, key=wanted.key, reason=wanted.reason, taking=taking)
        return await _read(ctx, tx, note_id)

    return await ctx.atomically("billing", work)


async def credit(ctx: Context, tx: Transaction, *, invoice_id: UUID, key: str, reason: str, amount: int) -> UUID:
    """Takes back an amount with tax, spread over what is left of the lines, once per key; for refunds, in their transaction.

    Raises:
        InvoiceNotFound, CreditExceedsInvoice, InvoiceSettled: as `issue_credit_note`.
    """
    return await _credit(ctx, tx, invoice_id, key=key, reason=reason, taking=lambda lines: credit_amount(lines, amount))


async def _credit(ctx: Context, tx: Transaction, invoice_id: UUID, *, key: str, reason: str, taking: Taking) -> UUID:
    state = await invoices.lock_state(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
    if state is None:
        raise InvoiceNotFound
    known = await credit_notes.find_by_key(tx, workspace_id=ctx.workspace, invoice_id=invoice_id, key=key)
    if known is not None:
        return known
    if state.state == "void":
        raise InvoiceSettled(state=state.state)
    try:
        shares = taking(await credit_notes.list_standing(tx, workspace_id=ctx.workspace, invoice_id=invoice_id))
    except NotCreditable as error:
        raise CreditExceedsInvoice from error
    issuer = issuer_called(ctx, code=state.issuer)
    taken = await invoices.take_number(tx, issuer=issuer.code, kind="credit_note", now=ctx.now())
    note = NewNote(
        workspace_id=ctx.workspace,
        id=new_id(),
        invoice_id=invoice_id,
        issuer=issuer.code,
        number=number_of(issuer, "C", taken),
        currency=state.currency,
        net=sum(share.net for share in shares),
        tax=sum(share.tax for share in shares),
        reason=reason,
        key=key,
        issued_at=taken.last_issued_at,
    )
    await credit_notes.insert_credit_note(tx, note, shares)
    await _announce(tx, note)
    return note.id


async def _announce(tx: Transaction, note: NewNote) -> None:
    event = CreditNoteIssued(
        credit_note_id=note.id, invoice_id=note.invoice_id, number=note.number, currency=note.currency, total_minor=note.net + note.tax
    )
    await publish(tx, event)
    await enqueue_named(tx, [(TYPESET_JOB, PaperOrder(invoice_id=note.invoice_id, credit_note_id=note.id))])


async def _read(ctx: Context, tx: Transaction, note_id: UUID) -> CreditNote:
    row = await invoice_reading.find_credit_note(tx, workspace_id=ctx.workspace, credit_note_id=note_id)
    if row is None:
        raise InvoiceNotFound
    return credit_note_of(row)
