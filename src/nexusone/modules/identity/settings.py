"""Settings of identity. Environment prefix `NEXUSONE_IDENTITY_`."""

from pydantic import Field, FilePath
from pydantic_settings import BaseSettings, SettingsConfigDict


class IdentitySettings(BaseSettings):
    """Lifetimes in seconds; argon2id parameters with memory in KiB.

    A session ends `refresh_token_seconds` after its last refresh and `session_seconds_max` after it began, whichever is first.
    `requires_verification` None: in live mode only. `app_url` is where people use the product (default: the public address);
    passkeys are made for its domain, or for `passkey_domain` above it, on its pages and those of `passkey_origins`.
    `breached_passwords` is a sorted file of SHA-1 digests in hexadecimal, a line each (`DIGEST` or `DIGEST:COUNT`), none of whose
    passwords may be chosen; without it only the list of common ones counts.
    """

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_IDENTITY_", extra="ignore", frozen=True)

    access_token_seconds: int = Field(default=900, ge=60, le=900)
    refresh_token_seconds: int = Field(default=7 * 86_400, ge=3600, le=30 * 86_400)
    session_seconds_max: int = Field(default=30 * 86_400, ge=3600, le=30 * 86_400)
    password_length_min: int = Field(default=15, ge=15, le=64)
    requires_verification: bool | None = None
    verification_seconds: int = Field(default=3600, ge=300, le=3600)
    password_reset_seconds: int = Field(default=1800, ge=300, le=3600)
    device_seconds: int = Field(default=180 * 86_400, ge=86_400)
    app_url: str | None = None
    mfa_attempt_seconds: int = Field(default=600, ge=60, le=600)
    step_up_seconds: int = Field(default=300, ge=30, le=300)
    passkey_domain: str | None = None
    passkey_origins: tuple[str, ...] = ()
    invitation_seconds: int = Field(default=7 * 86_400, ge=3600, le=7 * 86_400)
    deletion_grace_days: int = Field(default=7, ge=0, le=90)
    agency_workspaces_max: int = Field(default=100, ge=1, le=1000)
    breached_passwords: FilePath | None = None
    argon2_memory_kib: int = Field(default=19_456, ge=8)
    argon2_iterations: int = Field(default=2, ge=1)
    argon2_lanes: int = Field(default=1, ge=1)
