"""Models that keep failing are left alone for a while, so that nobody waits for them in vain; told by vendor and model, in this process."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.settings import AiSettings
from nexusone.platform.runtime import Context

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Record:
    failures: int = 0
    open_until: datetime | None = None


# By vendor and model, of which there are as many as in the catalog; nothing of a workspace is in it.
_records: dict[tuple[str, str], _Record] = {}


def check_breaker(ctx: Context, *, vendor: str, model: str) -> None:
    """Lets a call pass, or one call after the pause to see whether it works again.

    Raises:
        DefiniteFailure: the model has failed too often just now; nothing was asked.
    """
    record = _records.get((vendor, model))
    if record is None or record.open_until is None:
        return
    now = ctx.now()
    if now < record.open_until:
        wait = (record.open_until - now).total_seconds()
        raise DefiniteFailure(
            code="vendor.paused", detail="the model has failed too often just now", is_retryable=True, retry_after_seconds=wait
        )
    record.open_until = now + timedelta(seconds=ctx.setting(AiSettings).breaker_seconds)


def note_success(*, vendor: str, model: str) -> None:
    """It works."""
    _records.pop((vendor, model), None)


def note_failure(ctx: Context, *, vendor: str, model: str) -> None:
    """It failed for reasons of its own: too many in a row pause it."""
    settings = ctx.setting(AiSettings)
    record = _records.setdefault((vendor, model), _Record())
    record.failures += 1
    if record.failures >= settings.breaker_failures and record.open_until is None:
        record.open_until = ctx.now() + timedelta(seconds=settings.breaker_seconds)
        _log.warning("generation.model_paused", vendor=vendor, model=model, failures=record.failures)


def forget() -> None:
    """Every model is as if it had never failed."""
    _records.clear()


def is_the_models_fault(failure: DefiniteFailure) -> bool:
    """Whether a failure says something of the model, and not of what was asked."""
    return failure.is_retryable or failure.code in ("vendor.unauthorized", "vendor.forbidden", "vendor.quota_exhausted")
