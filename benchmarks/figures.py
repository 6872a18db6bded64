"""Figures: rounds of ours and of a baseline, alternating; the median and the spread of both, and their ratio."""

import json
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field

ROUNDS = 5

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of output. `ratio` is our share of the baseline's speed (more is better); None where there is no baseline."""

    name: str
    ours: float
    baseline: float | None
    ratio: float | None
    unit: str
    detail: dict[str, object] = field(default_factory=dict)

    def show(self) -> None:
        """Prints the figure as one JSON line."""
        sys.stdout.write(json.dumps(asdict(self)) + "\n")
        sys.stdout.flush()


async def compare(name: str, *, ours: Measure, baseline: Measure, unit: str, rounds: int = ROUNDS, **detail: object) -> Figure:
    """Measures both in turn (units of work per second) after one round of warm-up each."""
    await ours()
    await baseline()
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(await ours())
        theirs.append(await baseline())
    spread = {"ours_min": round(min(mine), 1), "ours_max": round(max(mine), 1)}
    spread |= {"baseline_min": round(min(theirs), 1), "baseline_max": round(max(theirs), 1)}
    median, against = statistics.median(mine), statistics.median(theirs)
    return Figure(name, round(median, 1), round(against, 1), round(median / against, 3), unit, {**detail, **spread, "rounds": rounds})
