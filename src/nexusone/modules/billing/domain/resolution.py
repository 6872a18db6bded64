"""What becomes of a hold that cannot simply be settled or released: the one place where these cases are told apart."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

HoldState = Literal["held", "settled", "released", "expired"]


class Verdict(Enum):
    """What a request to resolve a hold amounts to."""

    REPEATED = "it was done before"
    CONFLICT = "the part was booked with another amount"
    RESOLVED = "it was resolved in another way"
    EXCEEDS = "more is used than was held"
    LATE = "it has expired: what was used is taken anew"
    OPEN = "it is held and large enough, so another call was in between"


@dataclass(frozen=True, slots=True)
class Standing:
    """A hold as far as its resolution goes; `closing_micros` is what its final settle booked."""

    state: HoldState
    amount_micros: int
    settled_micros: int
    closing_micros: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """`state`: what the hold is to become (a part leaves it held); `part_micros`: what the same part booked before, if it did."""

    state: HoldState
    used_micros: int
    is_final: bool
    part_micros: int | None


def judge(hold: Standing, asked: Request) -> Verdict:
    """Tells the cases apart."""
    if asked.part_micros is not None:
        return Verdict.REPEATED if asked.part_micros == asked.used_micros else Verdict.CONFLICT
    if hold.state in ("settled", "released"):
        is_same = asked.is_final and hold.state == asked.state and hold.closing_micros == asked.used_micros
        return Verdict.REPEATED if is_same else Verdict.RESOLVED
    if hold.settled_micros + asked.used_micros > hold.amount_micros:
        return Verdict.EXCEEDS
    return Verdict.LATE if hold.state == "expired" else Verdict.OPEN
