"""Settings of the process: where the database, the data folder and the doors are. Environment prefix `NEXUSONE_`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound

Mode = Literal["sandbox", "live"]


LIVE_FACTOR_MAX = 10


class SettingsFileInvalid(ValueError):
    """A file that a setting names is not as it must be; the text says which setting, and what is wrong."""


class PlatformSettings(BaseSettings):
    """One instance a process. In `sandbox` mode every vendor is a simulator and nothing leaves the machine.

    `rate_limit_factor` multiplies the shares of single operations (sign-ins, mails, invitations); large ones are for the sandbox.
    `requests_at_once` is how many of one workspace's requests a process answers at a time; the others wait for one another.
    """

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_", extra="ignore", frozen=True)

    mode: Mode = "sandbox"
    data: Path = Path(".nexusone")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str | None = None
    database_url: str | None = None
    database_admin_url: str | None = None
    database_connections: int = Field(default=12, ge=2, le=500)
    database_prepares: bool = True
    master_key_file: Path | None = None
    simulators_port: int = Field(default=0, ge=0, le=65535)
    sandbox_url: str | None = None
    blobs_url: str | None = None
    body_bytes_max: int = Field(default=1024 * 1024, ge=1024)
    upload_bytes_max: int = Field(default=512 * 1024 * 1024, ge=1024)
    rate_limit: str = "6000/minute"
    rate_limit_workspace: str = "60000/minute"
    rate_limit_anonymous: str = "300/minute"
    rate_limit_factor: int = Field(default=1, ge=1)
    requests_at_once: int = Field(default=8, ge=1, le=10_000)
    metrics_token: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _keeps_guessing_slow(self) -> Self:
        if self.mode == "live" and self.rate_limit_factor > LIVE_FACTOR_MAX:
            raise ValueError(f"in live mode NEXUSONE_RATE_LIMIT_FACTOR is at most {LIVE_FACTOR_MAX}: sign-ins would be guessed at")
        return self

    @property
    def public_address(self) -> str:
        """The address under which the outside reaches this deployment, without a trailing slash.

        A host that means every address of the machine is no address to put into a mail: there it is localhost.
        """
        host = "localhost" if self.host in EVERY_ADDRESS else f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")
