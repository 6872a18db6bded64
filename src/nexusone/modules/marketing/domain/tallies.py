"""Deliveries counted by state: how far a message is, and what became of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tally:
    """How many deliveries are in which state; `sending` are claimed or being handed over, `skipped` are by reason."""

    queued: int = 0
    sending: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether every delivery is in a state it will keep."""
        return self.queued == self.sending == 0

    @property
    def payable(self) -> int:
        """How many are paid for: a mail whose fate is unknown may have arrived."""
        return self.sent + self.unknown

    @property
    def recipients(self) -> int:
        """How many were not skipped."""
        return self.queued + self.sending + self.sent + self.failed + self.unknown

    def written(self) -> dict[str, dict[str, int]]:
        """The form in which final counts are kept."""
        states = {"sent": self.sent, "failed": self.failed, "unknown": self.unknown}
        return {"states": states, "skipped": dict(self.skipped)}

    @classmethod
    def read(cls, written: Mapping[str, Mapping[str, int]]) -> "Tally":
        """The inverse of `written`."""
        return cls(**written["states"], skipped=dict(written["skipped"]))


def tally_of(counts: Iterable[tuple[str, str, int]]) -> Tally:
    """A tally of (state, reason, count) triples."""
    states: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for state, reason, count in counts:
        if state == "skipped":
            skipped[reason] = skipped.get(reason, 0) + count
        else:
            states[state] = states.get(state, 0) + count
    return Tally(
        queued=states.get("queued", 0),
        sending=states.get("claimed", 0) + states.get("handing_over", 0),
        sent=states.get("sent", 0),
        failed=states.get("failed", 0),
        unknown=states.get("unknown", 0),
        skipped=skipped,
    )
