"""Amounts as the vendor writes them: decimal strings, whole numbers for some currencies."""

from decimal import Decimal

from nexusone.kernel.money import Money
from nexusone.kernel.outcomes import DefiniteFailure

EXPONENTS = {"JPY": 0}
WHOLE = frozenset({"HUF", "JPY", "TWD"})
"""Currencies in which the vendor takes no decimals, whatever ISO 4217 says."""


def written(money: Money) -> dict[str, str]:
    """The vendor's amount. Raises: DefiniteFailure where it cannot be paid there."""
    value = Decimal(money.amount).scaleb(-EXPONENTS.get(money.currency, 2))
    if money.currency in WHOLE:
        if value != value.to_integral_value():
            raise DefiniteFailure(code="vendor.rejected", detail=f"{money.currency} has no decimals there", is_retryable=False)
        return {"currency_code": money.currency, "value": str(int(value))}
    return {"currency_code": money.currency, "value": f"{value:.2f}"}


def read(amount: object) -> Money:
    """The inverse. Raises: ValueError, KeyError, TypeError where it is no amount."""
    if not isinstance(amount, dict):
        raise TypeError("an amount is an object")
    currency = str(amount["currency_code"])
    minor = Decimal(str(amount["value"])).scaleb(EXPONENTS.get(currency, 2))
    return Money(amount=int(minor), currency=currency)
