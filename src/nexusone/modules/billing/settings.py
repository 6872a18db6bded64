"""Settings of billing. Environment prefix `NEXUSONE_BILLING_`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nexusone.kernel.money import credits_from_text
from nexusone.modules.billing.domain.amounts import AMOUNT_MICROS_MAX


class BillingSettings(BaseSettings):
    """`signup_credits` are granted to every new workspace; a decimal string of credits, "0" grants none.

    Adjustments by operators over `adjustment_limit` credits need a second person.
    `default_plan` is what workspaces without a subscription are on; None: the free one, in sandbox mode the one without limits.
    """

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_BILLING_", extra="ignore", frozen=True)

    signup_credits: str = "1000"
    adjustment_limit: str = "1000"
    default_plan: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,62}$")

    @field_validator("signup_credits", "adjustment_limit")
    @classmethod
    def _in_range(cls, text: str) -> str:
        try:
            micros = credits_from_text(text)
        except ArithmeticError as error:
            raise ValueError("credits are a decimal number") from error
        if not 0 <= micros <= AMOUNT_MICROS_MAX:
            raise ValueError("credits are between 0 and ten billion")
        return text


class Issuer(BaseModel):
    """A company of the operator that issues invoices: to buyers in the countries it `serves`, or to all others where that is empty.

    `registrations` are the countries whose tax it collects beside its own ("EU": through the union's one-stop shop).
    Numbers look like `{prefix}{year}-{number}`; books are kept in `currency`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")
    legal_name: str = Field(min_length=1, max_length=200)
    street: str = Field(default="", max_length=200)
    postal_code: str = Field(default="", max_length=20)
    city: str = Field(default="", max_length=100)
    country: str = Field(pattern=r"^[A-Z]{2}$")
    vat_id: str | None = Field(default=None, max_length=20)
    registration: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=320)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    prefix: str = Field(default="", pattern=r"^[A-Z0-9-]{0,10}$")
    serves: frozenset[str] = frozenset()
    registrations: frozenset[str] = frozenset()
    bank_details: str = Field(default="", max_length=500)


DEMO_ISSUER = Issuer(
    code="demo",
    legal_name="NexusOne Demo GmbH",
    street="Beispielweg 1",
    postal_code="10115",
    city="Berlin",
    country="DE",
    vat_id="DE000000000",
    email="billing@example.com",
    prefix="DEMO-",
    registrations=frozenset({"EU"}),
)


class InvoiceSettings(BaseSettings):
    """Who issues invoices (JSON; the first that serves the buyer's country, else the first that serves all), and how long VAT ids hold.

    Without issuers, only the sandbox issues invoices, in the name of a company that does not exist.
    """

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_BILLING_", extra="ignore", frozen=True)

    issuers: tuple[Issuer, ...] = ()
    vat_id_valid_days: int = Field(default=90, ge=1, le=365)
    rate_age_days_max: int = Field(default=7, ge=1, le=31)


class PaymentSettings(BaseSettings):
    """What credits cost, and how vendors are listened to.

    `price_per_thousand_credits` is in minor units before tax, by currency; `credit_packs` are credits by the pack's name.
    """

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_BILLING_", extra="ignore", frozen=True)

    price_per_thousand_credits: dict[str, int] = {"EUR": 1000, "GBP": 900, "JPY": 1600, "USD": 1100}
    credit_packs: dict[str, str] = {"small": "1000", "medium": "5000", "large": "20000"}
    topup_currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    webhook_bytes_max: int = Field(default=256 * 1024, ge=1024)


class UsageSettings(BaseSettings):
    """What a credit is worth, and the least that is to be left of it after the vendors' part (basis points; none: not watched)."""

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_BILLING_", extra="ignore", frozen=True)

    credits_per_dollar: int = Field(default=100, ge=1, le=1_000_000)
    margin_floor_bps: int | None = Field(default=None, ge=-100_000, le=10_000)
    margin_reaction: Literal["tell", "reroute", "stop"] = "tell"
