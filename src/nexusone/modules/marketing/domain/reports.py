"""What a campaign came to, added up from groups of deliveries."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeliveryGroup:
    """Deliveries with the same language, state and reason: how many, and how many of them were opened, clicked, left."""

    locale: str
    state: str
    reason: str
    deliveries: int
    opened: int
    clicked: int
    unsubscribed: int


@dataclass(slots=True)
class Sums:
    """Deliveries by fate, and readers by what they did. `pending` are not decided yet; `skipped` are by reason."""

    pending: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def recipients(self) -> int:
        """How many the campaign is or was for; skipped ones are not among them."""
        return self.pending + self.sent + self.failed + self.unknown

    @property
    def payable(self) -> int:
        """How many are paid for: a mail whose fate is unknown may have arrived."""
        return self.sent + self.unknown

    def rate(self, readers: int) -> float:
        """A part of the mails that may have arrived, 0 to 1, to four places."""
        return round(readers / self.payable, 4) if self.payable else 0.0

    def add(self, group: DeliveryGroup) -> None:
        """Adds one group."""
        self.opened += group.opened
        self.clicked += group.clicked
        self.unsubscribed += group.unsubscribed
        match group.state:
            case "skipped":
                self.skipped[group.reason] = self.skipped.get(group.reason, 0) + group.deliveries
            case "sent":
                self.sent += group.deliveries
            case "failed":
                self.failed += group.deliveries
            case "unknown":
                self.unknown += group.deliveries
            case _:
                self.pending += group.deliveries


def add_up(groups: Iterable[DeliveryGroup]) -> tuple[Sums, dict[str, Sums]]:
    """The sums of all groups, and those of each language, by language."""
    total, by_locale = Sums(), dict[str, Sums]()
    for group in groups:
        total.add(group)
        by_locale.setdefault(group.locale, Sums()).add(group)
    return total, dict(sorted(by_locale.items()))
