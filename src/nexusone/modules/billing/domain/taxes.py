"""Which tax an invoice bears: decided from where seller and buyer are, what the seller is registered for, and the buyer's VAT id."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

VatOutcome = Literal["valid", "invalid", "unknown"]
TaxTreatment = Literal["standard", "reverse_charge", "outside_scope"]
UNION = "EU"
PREFIXES: Mapping[str, str] = {"GR": "EL", "CH": "CHE", "NO": "NO"}


@dataclass(frozen=True, slots=True)
class Rate:
    """A standard rate in basis points (2550 is 25.5 per cent), in force from a day on."""

    since: date
    bps: int


@dataclass(frozen=True, slots=True)
class Territory:
    """A country as its taxes go. `rates` ascend by day; `vat_id` is the pattern of its ids, prefix included."""

    country: str
    is_union: bool
    rates: tuple[Rate, ...]
    vat_id: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Seller:
    """`registrations`: the countries whose tax the seller collects; "EU" stands for the union's one-stop shop."""

    country: str
    registrations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Buyer:
    """A buyer without a VAT id, or with one that is not known to be valid, is taxed as a consumer."""

    country: str
    has_valid_vat_id: bool


@dataclass(frozen=True, slots=True)
class Tax:
    """What is charged, and the country it is owed to (None: nobody)."""

    treatment: TaxTreatment
    country: str | None
    rate_bps: int


OUTSIDE = Tax("outside_scope", None, 0)


def tax_for(territories: Mapping[str, Territory], *, seller: Seller, buyer: Buyer, on: date) -> Tax:
    """The tax on electronic services at the standard rate, which is owed where the buyer is."""
    place = territories.get(buyer.country)
    if place is None or not _collects(seller, place, territories):
        return OUTSIDE
    if buyer.has_valid_vat_id and buyer.country != seller.country:
        return Tax("reverse_charge", buyer.country, 0)
    rate = rate_on(place, on)
    return OUTSIDE if rate is None else Tax("standard", buyer.country, rate)


def rate_on(place: Territory, on: date) -> int | None:
    """The standard rate of a day in basis points; None before the first that is known."""
    known = [rate.bps for rate in place.rates if rate.since <= on]
    return known[-1] if known else None


def normalised_vat_id(text: str) -> str:
    """The id without blanks, dots, dashes and slashes, in capitals."""
    return re.sub(r"[\s./-]", "", text).upper()


def vat_id_of(territories: Mapping[str, Territory], *, country: str, text: str) -> str | None:
    """What a person wrote as the country's VAT id, normalised and with its prefix; None where it is none.

    Any short text of letters and digits will do for countries whose form is not known.
    """
    written = normalised_vat_id(text)
    place = territories.get(country)
    if place is None or place.vat_id is None:
        return written if re.fullmatch(r"[A-Z0-9]{4,20}", written) else None
    if place.vat_id.fullmatch(written):
        return written
    if any(other.vat_id is not None and other.vat_id.fullmatch(written) for other in territories.values()):
        return None
    completed = f"{PREFIXES.get(country, country)}{written}"
    return completed if place.vat_id.fullmatch(completed) else None


def _collects(seller: Seller, place: Territory, territories: Mapping[str, Territory]) -> bool:
    if place.country == seller.country or place.country in seller.registrations:
        return True
    if not place.is_union:
        return False
    # Within the union the tax is owed where the buyer is, whether the seller reports it there or through one stop.
    home = territories.get(seller.country)
    return UNION in seller.registrations or (home is not None and home.is_union)
