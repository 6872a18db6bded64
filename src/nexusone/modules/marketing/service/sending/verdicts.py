"""What an attempt amounts to for its delivery."""

import random
from datetime import datetime, timedelta

from nexusone.kernel.liquid.faults import RenderFault
from nexusone.modules.marketing.domain.pacing import backoff
from nexusone.modules.marketing.ports import HandOver
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.modules.marketing.store.deliveries import ClaimedRow, Outcome

REASON_LENGTH_MAX = 500


def is_unreachable(result: HandOver) -> bool:
    """Whether the carrier itself was not to be had; no word about the recipient."""
    return result.outcome == "deferred" and result.code is None


def outcome_of(row: ClaimedRow, result: HandOver, *, settings: MarketingSettings, now: datetime, started_at: datetime) -> Outcome:
    """The delivery after a hand-over. A deferral by the carrier counts as an attempt, its absence does not."""
    state: str = result.outcome
    attempts, due_at, reason = row.attempts, now, (result.reason or "")[:REASON_LENGTH_MAX] or None
    if result.outcome == "deferred":
        is_absent = is_unreachable(result)
        attempts += 0 if is_absent else 1
        due_at = now + _delay(attempts - 1 if not is_absent else 0, is_absent=is_absent, settings=settings)
        is_too_late = now - started_at > timedelta(hours=settings.give_up_hours)
        state = "failed" if attempts >= settings.attempts_max or is_too_late else "queued"
    elif result.outcome == "sent":
        attempts, reason = attempts + 1, None
    return Outcome(row.contact_id, row.occurrence, row.fence, state, reason, result.code, result.vendor_reference, attempts, due_at, now)


def failed_to_render(row: ClaimedRow, fault: RenderFault, *, now: datetime) -> Outcome:
    """The delivery of a mail that could not be made."""
    return Outcome(row.contact_id, row.occurrence, row.fence, "failed", fault.code, None, None, row.attempts, now, now)


def jitter() -> float:
    """Between 0 and 1, so that what failed together does not come back together."""
    return random.random()  # noqa: S311 - jitter, not a secret


def _delay(step: int, *, is_absent: bool, settings: MarketingSettings) -> timedelta:
    if is_absent:
        first, most = settings.unreachable_backoff_seconds, settings.unreachable_backoff_seconds_max
    else:
        first, most = settings.backoff_seconds, settings.backoff_seconds_max
    return backoff(step=step, first_seconds=first, seconds_max=most, jitter=jitter())
