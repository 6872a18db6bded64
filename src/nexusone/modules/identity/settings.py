"""Settings of identity. Environment prefix `NEXUSONE_IDENTITY_`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IdentitySettings(BaseSettings):
    """Lifetimes in seconds; argon2id parameters with memory in KiB."""

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_IDENTITY_", extra="ignore", frozen=True)

    access_token_seconds: int = Field(default=900, ge=60, le=900)
    refresh_token_seconds: int = Field(default=7 * 86_400, ge=3600, le=30 * 86_400)
    session_seconds_max: int = Field(default=30 * 86_400, ge=3600, le=30 * 86_400)
    password_length_min: int = Field(default=15, ge=8)
    argon2_memory_kib: int = Field(default=19_456, ge=8)
    argon2_iterations: int = Field(default=2, ge=1)
    argon2_lanes: int = Field(default=1, ge=1)
