"""Currencies: which there are, how many minor digits they have, how amounts are written."""

from decimal import Decimal
from fractions import Fraction

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision, list_currencies

from nexusone.modules.billing.domain.splitting import half_up


def is_currency(code: str) -> bool:
    """Whether there is such a currency."""
    return code in list_currencies()


def minor_digits(currency: str) -> int:
    """How many digits its minor unit has: 0 for JPY, 2 for EUR, 3 for BHD."""
    return get_currency_precision(currency)


def decimal_of(minor: int, currency: str) -> Decimal:
    """Minor units as the decimal that people write: 1999 EUR is 19.99, 1999 JPY is 1999."""
    return Decimal(minor).scaleb(-minor_digits(currency))


def convert(minor: int, *, currency: str, into: str, rate_pico: int) -> int:
    """An amount in another currency, rounded half up once; one unit is worth `rate_pico` millionths of millionths of a unit of `into`."""
    scale = Fraction(10) ** (minor_digits(into) - minor_digits(currency))
    return half_up(minor * Fraction(rate_pico, 10**12) * scale)


def rate_text(rate_pico: int) -> str:
    """A rate as a decimal without trailing zeros."""
    return f"{Decimal(rate_pico).scaleb(-12).normalize():f}"


def locale_of(tag: str) -> Locale:
    """How a language writes numbers and dates; English where the tag is unknown."""
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def money_text(minor: int, currency: str, locale: Locale) -> str:
    """An amount as the language writes it."""
    return format_currency(decimal_of(minor, currency), currency, locale=locale)


def percent_text(bps: int, locale: Locale) -> str:
    """A rate of tax as the language writes it, with as many digits as it needs."""
    return format_percent(Decimal(bps) / 10_000, locale=locale, decimal_quantization=False)


def number_text(number: int, locale: Locale) -> str:
    """A number as the language writes it."""
    return format_decimal(number, locale=locale)
