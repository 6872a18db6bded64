"""Invoices and credit notes as files: typeset once when they are issued, kept, and mailed to whoever is billed."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from nexusone.modules.billing.contracts.invoices import PaperOrder
from nexusone.modules.billing.service.currencies import locale_of, money_text
from nexusone.modules.billing.service.issuers import issuer_called
from nexusone.modules.billing.service.papers import credit_note_paper, day_text, invoice_paper, language_of
from nexusone.modules.billing.service.rates import ensure_rate
from nexusone.modules.billing.service.refusals_invoices import InvoiceNotFound, InvoiceNotRendered
from nexusone.modules.billing.service.typesetting import typeset
from nexusone.modules.billing.store import invoice_reading, invoices
from nexusone.modules.billing.store.invoice_reading import CreditNoteRow, InvoiceRow
from nexusone.modules.identity import api as identity
from nexusone.modules.identity.contracts.mails import EnclosedFile, WrittenMail
from nexusone.platform.blobs import Blob, BlobNotFound
from nexusone.platform.database import Transaction
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

MAIL_JOB = "billing.mail_invoice"
PDF = "application/pdf"
TEXTS = Path(__file__).parent.parent / "mails"


async def typeset_paper(ctx: Context, *, order: PaperOrder) -> None:
    """Makes and keeps the PDF, and orders its mail; running twice makes the same file and one mail.

    Raises:
        ExchangeRateMissing: the day's rate belongs on the paper and is not known yet.
    """
    invoice = await _invoice(ctx, order.invoice_id)
    if order.credit_note_id is None:
        await ensure_rate(ctx, invoice, issuer_called(ctx, code=invoice.issuer))
    paper = await _paper(ctx, order, invoice)
    content = await typeset(paper, locale=language_of(invoice.locale))
    key = _key(order)
    await ctx.runtime.blobs.put(ctx.workspace, key, content, PDF)

    async def work(tx: Transaction) -> None:
        is_new = order.credit_note_id is not None or await invoices.keep_pdf(
            tx, workspace_id=ctx.workspace, invoice_id=invoice.id, pdf_key=key
        )
        if is_new:
            await enqueue_named(tx, [(MAIL_JOB, order)], key=key)

    await ctx.atomically("billing", work)


async def mail_paper(ctx: Context, *, order: PaperOrder) -> None:
    """Mails a PDF that was made to the address on it.

    Raises:
        MailerMissing, DefiniteFailure, UnknownOutcome: as `identity.api.send_mail`.
    """
    invoice = await _invoice(ctx, order.invoice_id)
    if order.credit_note_id is None and invoice.mailed_at is not None:
        return
    note = await _note(ctx, order.credit_note_id) if order.credit_note_id else None
    blob = await ctx.runtime.blobs.get(ctx.workspace, _key(order))
    content = b"".join([chunk async for chunk in blob.chunks])
    await identity.send_mail(ctx, mail=_mail(invoice, note, content))
    if note is None:
        async with ctx.transaction("billing") as tx:
            await invoices.note_mailed(tx, workspace_id=ctx.workspace, invoice_id=invoice.id, now=ctx.now())


async def open_pdf(ctx: Context, *, invoice_id: UUID) -> tuple[str, Blob]:
    """The number of an invoice and its PDF. Raises: InvoiceNotFound, InvoiceNotRendered."""
    invoice = await _invoice(ctx, invoice_id)
    if invoice.pdf_key is None:
        raise InvoiceNotRendered(headers={"Retry-After": "5"})
    return invoice.number, await ctx.runtime.blobs.get(ctx.workspace, invoice.pdf_key)


async def open_credit_note_pdf(ctx: Context, *, credit_note_id: UUID) -> tuple[str, Blob]:
    """The number of a credit note and its PDF. Raises: InvoiceNotFound, InvoiceNotRendered."""
    note = await _note(ctx, credit_note_id)
    order = PaperOrder(invoice_id=note.invoice_id, credit_note_id=note.id)
    try:
        return note.number, await ctx.runtime.blobs.get(ctx.workspace, _key(order))
    except BlobNotFound as missing:
        raise InvoiceNotRendered(headers={"Retry-After": "5"}) from missing


async def _invoice(ctx: Context, invoice_id: UUID) -> InvoiceRow:
    async with ctx.transaction("billing") as tx:
        found = await invoice_reading.find_invoice(tx, workspace_id=ctx.workspace, invoice_id=invoice_id)
    if found is None:
        raise InvoiceNotFound
    return found


async def _note(ctx: Context, credit_note_id: UUID) -> CreditNoteRow:
    async with ctx.transaction("billing") as tx:
        found = await invoice_reading.find_credit_note(tx, workspace_id=ctx.workspace, credit_note_id=credit_note_id)
    if found is None:
        raise InvoiceNotFound
    return found


async def _paper(ctx: Context, order: PaperOrder, invoice: InvoiceRow) -> dict[str, object]:
    if order.credit_note_id is not None:
        note = await _note(ctx, order.credit_note_id)
        async with ctx.transaction("billing") as tx:
            taken = await invoice_reading.list_credit_note_lines(tx, workspace_id=ctx.workspace, credit_note_id=note.id)
        return credit_note_paper(note, invoice, taken)
    async with ctx.transaction("billing") as tx:
        lines = await invoice_reading.list_lines(tx, workspace_id=ctx.workspace, invoice_id=invoice.id)
        rate = await invoice_reading.find_rate(tx, workspace_id=ctx.workspace, invoice_id=invoice.id)
    return invoice_paper(invoice, lines, rate)


def _key(order: PaperOrder) -> str:
    return f"invoices/{order.invoice_id}.pdf" if order.credit_note_id is None else f"credit-notes/{order.credit_note_id}.pdf"


def _mail(invoice: InvoiceRow, note: CreditNoteRow | None, content: bytes) -> WrittenMail:
    number, total, due_at = (
        (note.number, note.total_minor, note.issued_at) if note else (invoice.number, invoice.total_minor, invoice.due_at)
    )
    kind = "credit_note" if note else "invoice" if invoice.state == "open" else "invoice_paid"
    return _written(kind, invoice, number=number, total=total, due_at=due_at, content=content)


def _written(kind: str, invoice: InvoiceRow, *, number: str, total: int, due_at: datetime, content: bytes) -> WrittenMail:
    language = language_of(invoice.locale)
    texts, locale = _texts()[language], locale_of(language)
    values = {
        "number": number,
        "invoice": invoice.number,
        "seller": invoice.seller["name"] or "",
        "total": money_text(total, invoice.currency, locale),
        "due": day_text(due_at, locale),
    }
    phrases = texts["phrases"]
    return WrittenMail(
        recipient=invoice.buyer["email"] or "",
        locale=language,
        subject=texts[kind]["subject"].format_map(values),
        paragraphs=(phrases["greeting"], *(line.format_map(values) for line in texts[kind]["body"].split("\n"))),
        footer=phrases["footer"],
        files=(EnclosedFile(name=f"{number}.pdf", content_type=PDF, content=content),),
    )


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return {path.stem: _read(path) for path in sorted(TEXTS.glob("*.json"))}


def _read(path: Path) -> Mapping[str, Mapping[str, str]]:
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
