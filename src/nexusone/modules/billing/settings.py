"""Settings of billing. Environment prefix `NEXUSONE_BILLING_`."""

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nexusone.kernel.money import credits_from_text
from nexusone.modules.billing.domain.amounts import AMOUNT_MICROS_MAX


class BillingSettings(BaseSettings):
    """`signup_credits` are granted to every new workspace; a decimal string of credits, "0" grants none."""

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_BILLING_", extra="ignore", frozen=True)

    signup_credits: str = "1000"

    @field_validator("signup_credits")
    @classmethod
    def _in_range(cls, text: str) -> str:
        try:
            micros = credits_from_text(text)
        except ArithmeticError as error:
            raise ValueError("credits are a decimal number") from error
        if not 0 <= micros <= AMOUNT_MICROS_MAX:
            raise ValueError("credits are between 0 and ten billion")
        return text
