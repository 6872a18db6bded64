"""What the machinery does by the clock: sweeps spent windows, keys and old job logs, seals and signs the audit trail."""

from nexusone.platform.audit.checkpoints import take_checkpoints
from nexusone.platform.audit.sealing import seal_all
from nexusone.platform.clock_watch import check_clocks
from nexusone.platform.idempotency import forget_old_keys
from nexusone.platform.job_log import forget_old_steps
from nexusone.platform.jobs import Schedule
from nexusone.platform.limits import sweep
from nexusone.platform.runtime import Context


async def _watch_clocks(ctx: Context) -> None:
    await check_clocks(ctx)


SCHEDULES: tuple[Schedule, ...] = (
    Schedule(name="platform.sweep_rate_limits", cron="*/5 * * * *", handler=sweep),
    Schedule(name="platform.forget_idempotency_keys", cron="17 * * * *", handler=forget_old_keys),
    Schedule(name="platform.forget_job_steps", cron="41 * * * *", handler=forget_old_steps),
    Schedule(name="platform.seal_audit", cron="* * * * *", handler=seal_all),
    Schedule(name="platform.take_audit_checkpoints", cron="3 * * * *", handler=take_checkpoints),
    Schedule(name="platform.check_clocks", cron="*/5 * * * *", handler=_watch_clocks),
)
