"""Settings of ai. Environment prefix `NEXUSONE_AI_`."""

from datetime import timedelta
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AiSettings(BaseSettings):
    """Bounds of generations in seconds, tokens and bytes, and the price of a vendor's dollar in credits.

    `moderation`: what is asked and what was written is not judged (off), judged and marked (flag), or kept back (refuse).
    `running_max` bounds how many of a workspace's generations are made at once.
    """

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_AI_", extra="ignore", frozen=True)

    wait_seconds: float = Field(default=25.0, ge=0, le=55)
    call_seconds_max: float = Field(default=120.0, gt=0, le=300)
    making_seconds_max: float = Field(default=1_800.0, gt=0)
    queue_seconds_max: float = Field(default=3600.0, gt=0)
    unknown_kept_seconds: float = Field(default=86_400.0, gt=0)
    output_tokens_default: int = Field(default=4_000, ge=16)
    output_tokens_max: int = Field(default=16_000, ge=16)
    repairs_max: int = Field(default=2, ge=0, le=2)
    retries_max: int = Field(default=2, ge=0, le=5)
    retry_wait_seconds: float = Field(default=0.5, ge=0)
    retry_wait_seconds_max: float = Field(default=5.0, ge=0)
    running_max: int = Field(default=20, ge=1)
    running_retry_seconds: float = Field(default=2.0, ge=0)
    look_again_seconds_max: float = Field(default=30.0, gt=0)
    file_bytes_max: int = Field(default=200 * 1024 * 1024, ge=1)
    breaker_failures: int = Field(default=5, ge=1)
    breaker_seconds: float = Field(default=30.0, gt=0)
    credits_per_dollar: int = Field(default=100, ge=1)
    margin_percent: int = Field(default=20, ge=0)
    moderation: Literal["off", "flag", "refuse"] = "flag"

    @property
    def hold_lifetime(self) -> timedelta:
        """How long credits may stay reserved: longer than any generation can stay open."""
        calls = self.call_seconds_max * (1 + self.repairs_max + self.retries_max)
        return timedelta(seconds=self.queue_seconds_max + calls + self.making_seconds_max + self.unknown_kept_seconds) + timedelta(hours=1)
