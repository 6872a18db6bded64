"""Models that keep failing are left alone for a while, so that nobody waits for them in vain; told in each process by itself."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.runtime import Context

RECORDS_MAX = 4_096

_log = structlog.get_logger(__name__)

Key = tuple[UUID | None, bool, str, str]


@dataclass(slots=True)
class _Record:
    failures: int = 0
    open_until: datetime | None = None


class Breakers:
    """How often models failed in a row: of everybody's account together, of a workspace's own account for it alone."""

    def __init__(self) -> None:
        self._records: OrderedDict[tuple[UUID | None, bool, str, str], _Record] = OrderedDict()

    def open_until(self, key: Key) -> datetime | None:
        """Until when nobody asks; None where it works."""
        record = self._records.get(key)
        return None if record is None else record.open_until

    def hold_open(self, key: Key, until: datetime) -> None:
        """Lets nobody ask until then."""
        self._records[key].open_until = until

    def count_failure(self, key: Key) -> int:
        """Notes one more; how many there are in a row."""
        record = self._records.setdefault(key, _Record())
        self._records.move_to_end(key)
        while len(self._records) > RECORDS_MAX:
            self._records.popitem(last=False)
        record.failures += 1
        return record.failures

    def forget(self, key: Key) -> None:
        """It works."""
        self._records.pop(key, None)


def check_breaker(ctx: Context, row: GenerationRow) -> None:
    """Lets a call pass, or one call after the pause to see whether it works again.

    Raises:
        DefiniteFailure: the model has failed too often just now; nothing was asked.
    """
    breakers, key, now = ctx.runtime.port(Breakers), _key_of(ctx, row), ctx.now()
    open_until = breakers.open_until(key)
    if open_until is None:
        return
    if now < open_until:
        wait = (open_until - now).total_seconds()
        raise DefiniteFailure(
            code="vendor.paused", detail="the model has failed too often just now", is_retryable=True, retry_after_seconds=wait
        )
    breakers.hold_open(key, now + timedelta(seconds=ctx.setting(AiSettings).breaker_seconds))


def note_success(ctx: Context, row: GenerationRow) -> None:
    """It works."""
    ctx.runtime.port(Breakers).forget(_key_of(ctx, row))


def note_failure(ctx: Context, row: GenerationRow) -> None:
    """It failed for reasons of its own: too many in a row pause it."""
    settings, breakers, key = ctx.setting(AiSettings), ctx.runtime.port(Breakers), _key_of(ctx, row)
    failures = breakers.count_failure(key)
    if failures >= settings.breaker_failures and breakers.open_until(key) is None:
        breakers.hold_open(key, ctx.now() + timedelta(seconds=settings.breaker_seconds))
        _log.warning("generation.model_paused", vendor=row.vendor, model=row.model, is_own_key=row.is_own_key, failures=failures)


def is_the_models_fault(failure: DefiniteFailure) -> bool:
    """Whether a failure says something of the model, and not of what was asked."""
    return failure.is_retryable or failure.code in ("vendor.unauthorized", "vendor.forbidden", "vendor.quota_exhausted")


def _key_of(ctx: Context, row: GenerationRow) -> Key:
    """What simulators do to tests, and what a vendor does to a workspace's own account, says nothing of the model for others."""
    return (ctx.workspace if row.is_own_key else None, row.is_test, row.vendor, row.model)
