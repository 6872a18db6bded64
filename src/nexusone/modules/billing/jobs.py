"""What billing does by the clock."""

from nexusone.modules.billing.service import expiry
from nexusone.platform.jobs import Schedule

SCHEDULES: tuple[Schedule, ...] = (
    Schedule(name="billing.expire_holds", cron="* * * * *", handler=expiry.expire_holds),
    Schedule(name="billing.expire_grants", cron="*/5 * * * *", handler=expiry.expire_grants),
)
