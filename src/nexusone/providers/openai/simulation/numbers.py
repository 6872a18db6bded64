"""Numbers within a JSON Schema's limits, plausible for the property's name."""

import re
from collections.abc import Mapping
from math import ceil, floor, isfinite

RATIO = re.compile(r"score|confidence|probab|ratio|rate")
MULTIPLES_TRIED = 2_000


class NoSuchNumber(ValueError):
    """The limits leave no number."""


def fitting_integer(node: Mapping[str, object], *, name: str, digest: int) -> int:
    """An integer within the limits. Raises NoSuchNumber."""
    low, high = _limits(node)
    step = _step(node)
    room = max(99, ceil(2 * step)) if step is not None else 99
    least: int = ceil(low) if low is not None else (min(1, floor(high) - room) if high is not None else 1)
    if node.get("exclusiveMinimum") == least:
        least += 1
    most: int = floor(high) if high is not None else least + room
    candidates: list[int] = [
        least + digest % (max(0, min(most, least + 99) - least) + 1),
        *range(least, min(most, least + MULTIPLES_TRIED) + 1),
    ]
    for candidate in candidates:
        if _is_allowed(node, candidate) and (step is None or candidate % step == 0):
            return candidate
    raise NoSuchNumber(f"no integer for '{name}'")


def fitting_number(node: Mapping[str, object], *, name: str, digest: int) -> float:
    """A number within the limits. Raises NoSuchNumber."""
    low, high = _limits(node)
    step = _step(node)
    room = max(1.0 if RATIO.search(name) else 99.0, 2 * (step or 0))
    if low is None:
        low = high - room if high is not None else (0.0 if RATIO.search(name) else 1.0)
    if high is None:
        high = low + room
    if step is not None:
        return _multiple(node, low=low, high=high, step=step, name=name)
    share = 0.2 + (digest % 60) / 100
    for candidate in (round(low + (high - low) * share, 2), low + (high - low) / 2, low, high):
        if isfinite(candidate) and _is_allowed(node, candidate):
            return candidate
    raise NoSuchNumber(f"no number for '{name}'")


def _multiple(node: Mapping[str, object], *, low: float, high: float, step: float, name: str) -> float:
    first: int = ceil(low / step)
    for factor in (0, *range(first, first + MULTIPLES_TRIED)):
        candidate: float = factor * step
        # Whoever divides floating-point numbers must find no remainder.
        if low <= candidate <= high and _is_allowed(node, candidate) and float(candidate / step).is_integer():
            return candidate
    raise NoSuchNumber(f"no multiple of {step} for '{name}'")


def _limits(node: Mapping[str, object]) -> tuple[float | None, float | None]:
    lows = [value for key in ("minimum", "exclusiveMinimum") if (value := _number(node.get(key))) is not None]
    highs = [value for key in ("maximum", "exclusiveMaximum") if (value := _number(node.get(key))) is not None]
    return max(lows, default=None), min(highs, default=None)


def _is_allowed(node: Mapping[str, object], candidate: float) -> bool:
    least, above = _number(node.get("minimum")), _number(node.get("exclusiveMinimum"))
    most, below = _number(node.get("maximum")), _number(node.get("exclusiveMaximum"))
    return (
        (least is None or candidate >= least)
        and (above is None or candidate > above)
        and (most is None or candidate <= most)
        and (below is None or candidate < below)
    )


def _step(node: Mapping[str, object]) -> float | None:
    step = _number(node.get("multipleOf"))
    return step if step is not None and step > 0 else None


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
