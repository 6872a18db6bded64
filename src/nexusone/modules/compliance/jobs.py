"""What compliance does by the clock."""

from nexusone.modules.compliance.service import retention
from nexusone.platform.jobs import Schedule

SCHEDULES: tuple[Schedule, ...] = (Schedule(name="compliance.keep_audit_retention", cron="41 2 * * *", handler=retention.keep_retention),)
