"""Settings of audience. Environment prefix `NEXUSONE_AUDIENCE_`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AudienceSettings(BaseSettings):
    """How many rows of an import are read, merged and committed together."""

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_AUDIENCE_", extra="ignore", frozen=True)

    import_batch_rows: int = Field(default=5000, ge=1, le=50_000)
