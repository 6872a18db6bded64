"""How long the trail is kept: in the database first, then in the blob store, then not at all."""

from datetime import timedelta

from nexusone.modules.compliance.settings import ComplianceSettings
from nexusone.platform.audit import archives
from nexusone.platform.runtime import Context


async def keep_retention(ctx: Context) -> None:
    """Archives and drops what is past its time in every workspace; takes the system context."""
    settings, now = ctx.setting(ComplianceSettings), ctx.now()
    hot, archived = timedelta(days=settings.audit_hot_days), timedelta(days=settings.audit_archive_days)
    await archives.keep_retention(ctx, hot_after=now - hot, archived_after=now - max(hot, archived))
