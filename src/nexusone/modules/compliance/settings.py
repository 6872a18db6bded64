"""Settings of compliance. Environment prefix `NEXUSONE_COMPLIANCE_`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ComplianceSettings(BaseSettings):
    """Entries of the audit trail stay `audit_hot_days` in the database and `audit_archive_days` in all, from when they were made."""

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_COMPLIANCE_", extra="ignore", frozen=True)

    audit_hot_days: int = Field(default=365, ge=2, le=36_500)
    audit_archive_days: int = Field(default=7 * 365 + 2, ge=2, le=36_500)
