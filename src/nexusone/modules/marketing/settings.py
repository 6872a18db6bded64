"""Settings of marketing. Environment prefix `NEXUSONE_MARKETING_`."""

from decimal import Decimal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nexusone.kernel.money import credits_from_text


class MarketingSettings(BaseSettings):
    """Prices in credits as decimal text; what the carrier charges for a mail, in billionths of a dollar; the engine's pace and patience."""

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_MARKETING_", extra="ignore", frozen=True)

    credits_per_email: str = "0.01"
    email_cost_nano: int = Field(default=0, ge=0, le=1_000_000_000)
    snapshot_part_size: int = Field(default=100_000, ge=1)
    claim_size: int = Field(default=500, ge=1, le=10_000)
    # How long a claimed recipient waits at most until it is handed over, and so how old a look at its consent may be.
    lease_seconds: int = Field(default=45, ge=5, le=60)
    hand_over_seconds: int = Field(default=120, ge=1, le=550)
    attempts_max: int = Field(default=6, ge=1, le=50)
    backoff_seconds: float = Field(default=60.0, ge=0)
    backoff_seconds_max: float = Field(default=3600.0, ge=0)
    unreachable_backoff_seconds: float = Field(default=5.0, ge=0)
    unreachable_backoff_seconds_max: float = Field(default=300.0, ge=0)
    give_up_hours: int = Field(default=72, ge=1)
    lanes_max: int = Field(default=4, ge=1, le=64)
    recipients_per_lane: int = Field(default=5_000, ge=1)
    lane_seconds: float = Field(default=30.0, ge=0)

    @field_validator("credits_per_email")
    @classmethod
    def _check_price(cls, value: str) -> str:
        if Decimal(value) < 0 or credits_from_text(value) < 0:
            raise ValueError("a price is not negative")
        return value

    @property
    def credits_per_email_micros(self) -> int:
        """The price of one mail in micro-credits."""
        return credits_from_text(self.credits_per_email)

    def lanes_for(self, recipients: int) -> int:
        """How many jobs send at once to that many."""
        return min(self.lanes_max, 1 + recipients // self.recipients_per_lane)
