"""Taxes by region, the form of VAT ids, and totals that add up in any order (MON-09)."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.modules.billing.domain.invoices import DraftLine, totals_of
from nexusone.modules.billing.domain.splitting import half_up, split_by_weights
from nexusone.modules.billing.domain.taxes import Buyer, Seller, Tax, rate_on, tax_for, vat_id_of
from nexusone.modules.billing.service.currencies import convert, minor_digits
from nexusone.modules.billing.service.tax_tables import territories

UNION = [
    "AT",
    "BE",
    "BG",
    "CY",
    "CZ",
    "DE",
    "DK",
    "EE",
    "ES",
    "FI",
    "FR",
    "GR",
    "HR",
    "HU",
    "IE",
    "IT",
    "LT",
    "LU",
    "LV",
    "MT",
    "NL",
    "PL",
    "PT",
    "RO",
    "SE",
    "SI",
    "SK",
]
ON = date(2026, 5, 4)
GERMAN = Seller("DE", frozenset({"EU"}))
BRITISH = Seller("GB", frozenset())

LINES = st.lists(
    st.builds(
        DraftLine,
        kind=st.sampled_from(["subscription", "usage", "discount"]),
        description=st.sampled_from(["a", "b", "c"]),
        quantity=st.integers(1, 3),
        unit_amount=st.just(1),
        amount=st.integers(-500, 10_000),
    ),
    min_size=1,
    max_size=20,
).filter(lambda lines: sum(line.amount for line in lines) >= 0)


@pytest.mark.parametrize(
    ("seller", "country", "has_vat_id", "expected"),
    [
        (GERMAN, "DE", False, Tax("standard", "DE", 1900)),
        (GERMAN, "DE", True, Tax("standard", "DE", 1900)),
        (GERMAN, "FR", False, Tax("standard", "FR", 2000)),
        (GERMAN, "FI", False, Tax("standard", "FI", 2550)),
        (GERMAN, "FR", True, Tax("reverse_charge", "FR", 0)),
        (GERMAN, "GB", False, Tax("outside_scope", None, 0)),
        (GERMAN, "CH", True, Tax("outside_scope", None, 0)),
        (GERMAN, "US", False, Tax("outside_scope", None, 0)),
        (Seller("DE", frozenset({"EU", "GB", "CH", "NO"})), "GB", False, Tax("standard", "GB", 2000)),
        (Seller("DE", frozenset({"EU", "GB", "CH", "NO"})), "CH", False, Tax("standard", "CH", 810)),
        (Seller("DE", frozenset({"EU", "GB", "CH", "NO"})), "NO", True, Tax("reverse_charge", "NO", 0)),
        (BRITISH, "GB", False, Tax("standard", "GB", 2000)),
        (BRITISH, "DE", False, Tax("outside_scope", None, 0)),
        (Seller("US", frozenset({"EU"})), "SE", False, Tax("standard", "SE", 2500)),
        (Seller("US", frozenset({"EU"})), "SE", True, Tax("reverse_charge", "SE", 0)),
        (Seller("US", frozenset()), "US", False, Tax("outside_scope", None, 0)),
    ],
)
def test_the_tax_is_owed_where_the_buyer_is(seller: Seller, country: str, has_vat_id: bool, expected: Tax) -> None:
    assert tax_for(territories(), seller=seller, buyer=Buyer(country, has_vat_id), on=ON) == expected


def test_every_member_of_the_union_is_known_with_its_rate() -> None:
    known = {country for country, place in territories().items() if place.is_union}
    assert known == set(UNION)
    assert all(1500 <= (rate_on(territories()[country], ON) or 0) <= 2700 for country in UNION)


@pytest.mark.parametrize(
    ("country", "on", "bps"),
    [("EE", date(2025, 6, 30), 2200), ("EE", date(2025, 7, 1), 2400), ("RO", date(2025, 7, 31), 1900), ("SK", date(2025, 1, 1), 2300)],
)
def test_a_rate_holds_from_its_day_on(country: str, on: date, bps: int) -> None:
    assert rate_on(territories()[country], on) == bps


@pytest.mark.parametrize(
    ("country", "text", "vat_id"),
    [
        ("AT", "ATU12345678", "ATU12345678"),
        ("BE", "0123.456.789", "BE0123456789"),
        ("BG", "BG123456789", "BG123456789"),
        ("CY", "CY12345678X", "CY12345678X"),
        ("CZ", "CZ12345678", "CZ12345678"),
        ("DE", "de 123 456 789", "DE123456789"),
        ("DK", "DK12345678", "DK12345678"),
        ("EE", "EE123456789", "EE123456789"),
        ("ES", "B12345678", "ESB12345678"),
        ("FI", "FI12345678", "FI12345678"),
        ("FR", "FRXX123456789", "FRXX123456789"),
        ("GR", "123456789", "EL123456789"),
        ("HR", "HR12345678901", "HR12345678901"),
        ("HU", "HU12345678", "HU12345678"),
        ("IE", "IE1234567WA", "IE1234567WA"),
        ("IT", "IT12345678901", "IT12345678901"),
        ("LT", "LT123456789012", "LT123456789012"),
        ("LU", "LU12345678", "LU12345678"),
        ("LV", "LV12345678901", "LV12345678901"),
        ("MT", "MT12345678", "MT12345678"),
        ("NL", "NL123456789B01", "NL123456789B01"),
        ("PL", "PL1234567890", "PL1234567890"),
        ("PT", "PT123456789", "PT123456789"),
        ("RO", "RO1234567890", "RO1234567890"),
        ("SE", "SE123456789001", "SE123456789001"),
        ("SI", "SI12345678", "SI12345678"),
        ("SK", "SK1234567890", "SK1234567890"),
        ("GB", "GB123456789", "GB123456789"),
        ("CH", "CHE-123.456.789 MWST", "CHE123456789MWST"),
        ("CH", "123.456.789 TVA", "CHE123456789TVA"),
        ("NO", "123456789MVA", "123456789MVA"),
        ("US", "12-3456789", "123456789"),
        ("DE", "DE12345678", None),
        ("FR", "DE123456789", None),
        ("US", "x", None),
    ],
)
def test_vat_ids_have_the_form_of_their_country(country: str, text: str, vat_id: str | None) -> None:
    assert vat_id_of(territories(), country=country, text=text) == vat_id


@given(LINES, st.integers(0, 2700), st.randoms(use_true_random=False))
def test_mon_09_shares_of_the_tax_add_up_and_do_not_depend_on_the_order(lines: list[DraftLine], rate_bps: int, random: object) -> None:
    totals = totals_of(tuple(lines), rate_bps=rate_bps)
    assert sum(totals.line_taxes) == totals.tax == half_up(Fraction(totals.net * rate_bps, 10_000))
    assert totals.total == totals.net + totals.tax
    for line, tax in zip(lines, totals.line_taxes, strict=True):
        assert abs(tax - Fraction(line.amount * rate_bps, 10_000)) < 1
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = totals_of(tuple(shuffled), rate_bps=rate_bps)
    assert sorted(zip(map(repr, lines), totals.line_taxes, strict=True)) == sorted(zip(map(repr, shuffled), again.line_taxes, strict=True))


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any))
def test_mon_09_a_discount_is_shared_out_whole(discount: int, weights: list[int]) -> None:
    shares = split_by_weights(discount, weights, [(weight,) for weight in weights])
    assert sum(shares) == discount
    assert all(abs(share - Fraction(discount * weight, sum(weights))) < 1 for share, weight in zip(shares, weights, strict=True))


def test_minor_units_are_those_of_the_currency() -> None:
    assert [minor_digits(code) for code in ("JPY", "EUR", "BHD", "CLP", "KWD")] == [0, 2, 3, 0, 3]


@given(st.integers(0, 10**12), st.integers(1, 10**15))
def test_conversion_rounds_once_whatever_the_minor_units(minor: int, rate_pico: int) -> None:
    exact = Fraction(minor * rate_pico, 10**12)
    for currency, into, scale in (("EUR", "USD", Fraction(1)), ("JPY", "BHD", Fraction(1000)), ("BHD", "JPY", Fraction(1, 1000))):
        found = convert(minor, currency=currency, into=into, rate_pico=rate_pico)
        assert abs(found - exact * scale) <= Fraction(1, 2)
