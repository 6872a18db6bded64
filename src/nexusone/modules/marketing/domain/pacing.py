"""When to try again: by attempt for one recipient, by failures for a carrier that does not answer."""

from datetime import timedelta


def backoff(*, step: int, first_seconds: float, seconds_max: float, jitter: float) -> timedelta:
    """Doubles with every step from 0; `jitter` between 0 and 1 spreads the outcome over half to one and a half of it."""
    seconds = min(seconds_max, first_seconds * 2.0 ** min(step, 40))
    return timedelta(seconds=seconds * (0.5 + jitter))
