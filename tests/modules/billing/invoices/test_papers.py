"""Invoices on paper, in the customer's language: readable in every script, kept once, mailed once."""

import io
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import date

import pypdf
import pytest
from pypdf.generic import ContentStream
from tests.conftest import ContextMaker
from tests.modules.billing.invoices.billed import bill_to, draft, issue

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.billing.contracts.invoices import NewCreditNote, PaperOrder
from nexusone.modules.billing.ports import DailyRate, ExchangeRates
from nexusone.modules.billing.service import crediting, invoice_lists, invoice_papers, rates
from nexusone.modules.billing.service.refusals_invoices import ExchangeRateMissing, InvoiceNotRendered
from nexusone.modules.billing.store import rates as stored_rates
from nexusone.modules.identity.ports import SystemMail, SystemMailer
from nexusone.platform.runtime import Context

EVERY_SCRIPT = "شركة القهوة · שלום בע״מ · ООО Привет · Ελλάς · 中文公司 · かなカナ · 한국 · Łódź"
TITLES = {"en": "Invoice", "de": "Rechnung", "es": "Factura", "fr": "Facture"}
PICO = 10**12


class Postbox:
    """A SystemMailer that keeps what it is given; `is_shut`: it takes nothing."""

    def __init__(self) -> None:
        self.mails: list[SystemMail] = []
        self.is_shut = False

    async def send(self, mail: SystemMail) -> None:
        """See SystemMailer."""
        if self.is_shut:
            raise DefiniteFailure(code="mail.deferred", detail="later", is_retryable=True)
        self.mails.append(mail)


class Bank:
    """ExchangeRates as they are told."""

    source = "test"

    def __init__(self, *found: DailyRate) -> None:
        self.found = list(found)

    async def rates(self, *, since: date, until: date) -> list[DailyRate]:
        """See ExchangeRates."""
        return [rate for rate in self.found if since <= rate.rate_on <= until]

    async def close(self) -> None:
        """Nothing to do."""


@pytest.fixture
def postbox() -> Postbox:
    """A postbox of the test's own."""
    return Postbox()


@pytest.fixture
def ctx(make_context: ContextMaker, postbox: Postbox) -> Context:
    """A context whose mails go to the postbox."""
    made = make_context()
    return replace(made, runtime=replace(made.runtime, ports={**made.runtime.ports, SystemMailer: postbox}))


async def pdf_of(ctx: Context, order: PaperOrder) -> pypdf.PdfReader:
    """The paper, made and read back."""
    await invoice_papers.typeset_paper(ctx, order=order)
    _, blob = await invoice_papers.open_pdf(ctx, invoice_id=order.invoice_id)
    return pypdf.PdfReader(io.BytesIO(b"".join([chunk async for chunk in blob.chunks])))


def glyphs(reader: pypdf.PdfReader) -> Iterator[int]:
    """The numbers of all signs that are drawn; 0 is the box that stands for a missing one."""
    for page in reader.pages:
        for operands, operator in ContentStream(page.get_contents(), reader).operations:
            if operator not in (b"Tj", b"TJ"):
                continue
            for part in operands[0] if operator == b"TJ" else operands:
                if raw := getattr(part, "original_bytes", part if isinstance(part, bytes) else b""):
                    yield from (int.from_bytes(raw[place : place + 2], "big") for place in range(0, len(raw), 2))


@pytest.mark.parametrize("locale", ["en", "de-AT", "es-MX", "fr", "ar", "ja", "he"])
async def test_no_sign_is_missing_in_any_language(ctx: Context, locale: str) -> None:
    await bill_to(ctx, locale=locale, name=EVERY_SCRIPT)
    drawn = list(glyphs(await pdf_of(ctx, PaperOrder(invoice_id=await issue(ctx, 1000, -50)))))
    assert len(drawn) > 200
    assert 0 not in drawn


@pytest.mark.parametrize("language", TITLES)
async def test_the_paper_says_what_the_invoice_says(ctx: Context, language: str) -> None:
    await bill_to(ctx, locale=language, name="Kaffee & Söhne #1 *$x$* @import")
    invoice = await issue(ctx, 123_456)
    reader = await pdf_of(ctx, PaperOrder(invoice_id=invoice))
    text = "".join(page.extract_text() for page in reader.pages).replace("\xa0", " ").replace("\u202f", " ")
    found = await invoice_lists.get_invoice(ctx, invoice_id=invoice)
    total = {"en": "€1,469.13", "fr": "1 469,13 €"}.get(language, "1.469,13 €")
    for wanted in (TITLES[language], found.invoice.number, "Kaffee & Söhne #1 *$x$* @import", total, "Line 0"):
        assert wanted in text, text
    assert reader.metadata is not None
    assert reader.metadata.title == f"{TITLES[language]} {found.invoice.number}"


async def test_arabic_runs_from_right_to_left(ctx: Context) -> None:
    await bill_to(ctx, locale="ar", name="Coffee Co")
    reader = await pdf_of(ctx, PaperOrder(invoice_id=await issue(ctx, 1000)))
    places: dict[str, float] = {}

    def note(text: str, outer: list[float], matrix: list[float], *rest: object) -> None:
        for mark in ("NexusOne", "Coffee", "Line"):
            if mark in text:
                places.setdefault(mark, outer[4] + outer[0] * matrix[4])

    reader.pages[0].extract_text(visitor_text=note)
    width = float(reader.pages[0].mediabox.width)
    assert places["NexusOne"] > width / 2 > places["Coffee"]
    assert places["Line"] > width / 2


async def test_a_missing_sign_would_be_noticed(ctx: Context) -> None:
    await bill_to(ctx, name="Unicorn \U0001f984")
    assert 0 in list(glyphs(await pdf_of(ctx, PaperOrder(invoice_id=await issue(ctx, 1000)))))


async def test_a_paper_is_kept_once_and_mailed_once(ctx: Context, postbox: Postbox, drain: Callable[[], Awaitable[None]]) -> None:
    await bill_to(ctx, locale="de")
    invoice = await issue(ctx, 1000)
    with pytest.raises(InvoiceNotRendered):
        await invoice_papers.open_pdf(ctx, invoice_id=invoice)
    order = PaperOrder(invoice_id=invoice)
    for _ in range(2):
        await invoice_papers.typeset_paper(ctx, order=order)
    for _ in range(2):
        await invoice_papers.mail_paper(ctx, order=order)
    (mail,) = postbox.mails
    number, blob = await invoice_papers.open_pdf(ctx, invoice_id=invoice)
    assert mail.subject == f"Rechnung {number}"
    assert mail.recipient == "accounts@example.com"
    (enclosed,) = mail.attachments
    assert enclosed.name == f"{number}.pdf"
    assert enclosed.content == b"".join([chunk async for chunk in blob.chunks])
    assert enclosed.content.startswith(b"%PDF-")


@pytest.mark.parametrize(("language", "direction"), [("en", False), ("de", False), ("es", False), ("fr", False), ("ar", True)])
async def test_a_mail_that_was_not_taken_is_sent_later_in_its_language(
    ctx: Context, postbox: Postbox, language: str, direction: bool
) -> None:
    await bill_to(ctx, locale=language)
    order = PaperOrder(invoice_id=await issue(ctx, 1000))
    await invoice_papers.typeset_paper(ctx, order=order)
    postbox.is_shut = True
    with pytest.raises(DefiniteFailure):
        await invoice_papers.mail_paper(ctx, order=order)
    postbox.is_shut = False
    await invoice_papers.mail_paper(ctx, order=order)
    (mail,) = postbox.mails
    assert mail.locale == language
    assert ('dir="rtl"' in mail.html) is direction
    assert "{" not in mail.text + mail.subject


async def test_a_credit_note_is_a_paper_of_its_own(ctx: Context, postbox: Postbox) -> None:
    invoice = await issue(await bill_to(ctx), 1000)
    note = await crediting.issue_credit_note(ctx, invoice_id=invoice, wanted=NewCreditNote(key="a", reason="Error"))
    order = PaperOrder(invoice_id=invoice, credit_note_id=note.id)
    await invoice_papers.typeset_paper(ctx, order=order)
    await invoice_papers.mail_paper(ctx, order=order)
    (mail,) = postbox.mails
    assert mail.subject == f"Credit note {note.number}"
    text = pypdf.PdfReader(io.BytesIO(mail.attachments[0].content)).pages[0].extract_text()
    assert note.number in text
    assert "€11.90" in text


async def test_another_currency_is_told_in_that_of_the_books_at_the_rate_of_the_day(ctx: Context) -> None:
    today = ctx.now().date()
    bank = Bank(DailyRate("XEU", "XUA", today, 2 * PICO), DailyRate("XEU", "EUR", today, PICO // 2))
    rated = replace(ctx, runtime=replace(ctx.runtime, ports={**ctx.runtime.ports, ExchangeRates: bank}))
    await bill_to(rated, currency="XUA")
    order = PaperOrder(invoice_id=await issue(rated, wanted=draft(1000, currency="XUA")))
    await invoice_papers.typeset_paper(rated, order=order)
    bank.found = []
    later = await issue(rated, wanted=draft(2001, currency="XUA"))
    first, second = [await invoice_lists.get_invoice(rated, invoice_id=found) for found in (order.invoice_id, later)]
    assert first.rate is not None
    assert (first.rate.rate, first.rate.rate_on) == ("0.25", today.isoformat())
    assert second.rate is not None
    assert (second.rate.net.currency, second.rate.net.amount) == ("EUR", 500)


async def test_a_paper_waits_for_the_rate_of_its_day(ctx: Context) -> None:
    await bill_to(ctx, currency="XTS")
    order = PaperOrder(invoice_id=await issue(ctx, wanted=draft(1000, currency="XTS")))
    with pytest.raises(ExchangeRateMissing):
        await invoice_papers.typeset_paper(ctx, order=order)


async def test_a_stored_rate_never_changes(ctx: Context) -> None:
    today = ctx.now().date()
    for rate in (PICO, 3 * PICO):
        bank = Bank(DailyRate("XBA", "XBB", today, rate))
        await rates.fetch_rates(replace(ctx, runtime=replace(ctx.runtime, ports={**ctx.runtime.ports, ExchangeRates: bank})))
    async with ctx.transaction("billing") as tx:
        found = await stored_rates.find_cross_rate(tx, currency="XBA", into="XBB", since=today, until=today)
    assert found is not None
    assert found.into_pico == PICO
