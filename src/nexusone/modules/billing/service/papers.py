"""What stands on invoices and credit notes, in the customer's language."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date

from nexusone.kernel.locale import fallback_chain
from nexusone.modules.billing.service.currencies import locale_of, money_text, number_text, percent_text, rate_text
from nexusone.modules.billing.store.invoice_reading import CreditNoteRow, InvoiceRow, LineRow, RateRow

TEXTS = Path(__file__).parent.parent / "papers"
DEFAULT_LOCALE = "en"
Texts = Mapping[str, str]


def language_of(locale: str) -> str:
    """The nearest language there are texts in."""
    return next(tag for tag in fallback_chain(locale, DEFAULT_LOCALE) if tag in _all_texts())


def day_text(at: datetime, locale: Locale) -> str:
    """A day as the language writes it, UTC."""
    return format_date(at, "medium", locale=locale)


def isolated(text: str) -> str:
    """The same, in its own direction: what stands around it in the other direction does not tear it apart."""
    return f"\u2068{text}\u2069"


def invoice_paper(row: InvoiceRow, lines: Sequence[LineRow], rate: RateRow | None) -> dict[str, object]:
    """An invoice, ready to be typeset."""
    texts, locale = _texts_and_locale(row.locale)
    facts = [
        (texts["number"], row.number),
        (texts["issued"], day_text(row.issued_at, locale)),
        (texts["due"], day_text(row.due_at, locale)),
        (texts["period"], f"{day_text(row.period_start, locale)} – {day_text(row.period_end, locale)}"),
    ]
    notes = _tax_notes(row, texts)
    if rate is not None:
        notes.append(_rate_note(row, rate, texts, locale))
    if bank := row.seller.get("bank_details"):
        notes.append(texts["bank"].format(bank=isolated(bank)))
    sums = (row.net_minor, row.tax_minor, row.total_minor)
    return _paper("invoice", row.number, row, lines, facts=facts, sums=sums, notes=notes)


def credit_note_paper(note: CreditNoteRow, row: InvoiceRow, lines: Sequence[LineRow]) -> dict[str, object]:
    """A credit note, ready to be typeset; its amounts are what is taken back."""
    texts, locale = _texts_and_locale(row.locale)
    facts = [(texts["number"], note.number), (texts["issued"], day_text(note.issued_at, locale))]
    notes = [
        texts["credits"].format(number=isolated(row.number), date=day_text(row.issued_at, locale)),
        texts["reason"].format(reason=isolated(note.reason)),
        *_tax_notes(row, texts),
    ]
    sums = (note.net_minor, note.tax_minor, note.total_minor)
    return _paper("credit_note", note.number, row, lines, facts=facts, sums=sums, notes=notes)


def _paper(
    kind: str,
    number: str,
    row: InvoiceRow,
    lines: Sequence[LineRow],
    *,
    facts: Sequence[tuple[str, str]],
    sums: tuple[int, int, int],
    notes: Sequence[str],
) -> dict[str, object]:
    texts, locale = _texts_and_locale(row.locale)
    net, tax, total = (money_text(amount, row.currency, locale) for amount in sums)
    return {
        "title": texts[kind],
        "number": number,
        "labels": {name: texts[name] for name in ("seller", "buyer", "description", "quantity", "unit", "amount", "page")},
        "facts": [{"label": label, "value": value} for label, value in facts],
        "seller": _party(row.seller, texts, locale),
        "buyer": _party(row.buyer, texts, locale),
        "lines": [_line(line, row.currency, locale) for line in lines],
        "sums": [
            {"label": texts["net"], "value": net, "is_total": False},
            {"label": texts["vat"].format(rate=percent_text(row.tax_rate_bps, locale)), "value": tax, "is_total": False},
            {"label": texts["total"], "value": total, "is_total": True},
        ],
        "notes": list(notes),
    }


def _line(line: LineRow, currency: str, locale: Locale) -> dict[str, str]:
    return {
        "description": isolated(line.description),
        "quantity": number_text(line.quantity, locale),
        "unit": money_text(line.unit_minor, currency, locale),
        "amount": money_text(line.net_minor, currency, locale),
    }


def _party(party: Mapping[str, str | None], texts: Texts, locale: Locale) -> dict[str, object]:
    town = " ".join(filter(None, (party["postal_code"], party["city"])))
    country = locale.territories.get(party["country"] or "", party["country"])
    rows = [party["street"], town, party["region"], country]
    if party["vat_id"]:
        rows.append(f"{texts['vat_id']}: {party['vat_id']}")
    written = [isolated(row) for row in (*rows, party.get("registration"), party["email"]) if row]
    return {"name": isolated(party["name"] or ""), "rows": written}


def _tax_notes(row: InvoiceRow, texts: Texts) -> list[str]:
    return [texts[row.tax_treatment]] if row.tax_treatment != "standard" else []


def _rate_note(row: InvoiceRow, rate: RateRow, texts: Texts, locale: Locale) -> str:
    return texts["rate"].format_map(
        {
            "currency": rate.accounting_currency,
            "quote": isolated(f"1 {row.currency} = {rate_text(rate.rate_pico)} {rate.accounting_currency}"),
            "date": format_date(rate.rate_on, "medium", locale=locale),
            "net": money_text(rate.net_minor, rate.accounting_currency, locale),
            "tax": money_text(rate.tax_minor, rate.accounting_currency, locale),
        }
    )


def _texts_and_locale(tag: str) -> tuple[Texts, Locale]:
    # The texts' language decides how amounts are written too, unless the tag is a variety of it.
    language = language_of(tag)
    return _all_texts()[language], locale_of(tag if tag.split("-")[0] == language else language)


@lru_cache(maxsize=1)
def _all_texts() -> dict[str, Texts]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(TEXTS.glob("*.json"))}
