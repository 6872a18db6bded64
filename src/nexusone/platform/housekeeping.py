"""What the machinery cleans up by the clock: spent rate-limit windows, forgotten idempotency keys."""

from nexusone.platform.idempotency import forget_old_keys
from nexusone.platform.jobs import Schedule
from nexusone.platform.limits import sweep

SCHEDULES: tuple[Schedule, ...] = (
    Schedule(name="platform.sweep_rate_limits", cron="*/5 * * * *", handler=sweep),
    Schedule(name="platform.forget_idempotency_keys", cron="17 * * * *", handler=forget_old_keys),
)
