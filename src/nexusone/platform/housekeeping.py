"""What the machinery cleans up by the clock: spent rate-limit windows, forgotten idempotency keys, the log of old jobs."""

from nexusone.platform.idempotency import forget_old_keys
from nexusone.platform.job_log import forget_old_steps
from nexusone.platform.jobs import Schedule
from nexusone.platform.limits import sweep

SCHEDULES: tuple[Schedule, ...] = (
    Schedule(name="platform.sweep_rate_limits", cron="*/5 * * * *", handler=sweep),
    Schedule(name="platform.forget_idempotency_keys", cron="17 * * * *", handler=forget_old_keys),
    Schedule(name="platform.forget_job_steps", cron="41 * * * *", handler=forget_old_steps),
)
