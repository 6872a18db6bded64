"""What telemetry is told from outside."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class TelemetrySettings(BaseSettings):
    """Logs always; traces and metrics over OTLP/HTTP only with `otlp_endpoint`; crash reports only with `crash_report_dsn`.

    `pretty` writes coloured text instead of JSON where the output is a terminal. `otlp_endpoint` is the collector's
    base address, `otlp_headers` are sent with each export, `trace_share` is the share of new traces that are kept.
    """

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_TELEMETRY_", frozen=True, extra="forbid", hide_input_in_errors=True)

    service_name: str = "nexusone"
    environment: str = "production"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    pretty: bool = False
    access_log: bool = False
    otlp_endpoint: str | None = None
    otlp_headers: dict[str, SecretStr] = Field(default_factory=dict)
    trace_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    crash_report_dsn: SecretStr | None = None
