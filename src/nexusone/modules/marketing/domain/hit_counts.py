"""Hits of one batch, added up per delivery; machines count for nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .hits import Hit, HitKind
from .tokens import DeliveryIds


@dataclass(slots=True)
class HitCount:
    """What a batch adds to one delivery; `first_at` is its first open or click."""

    delivery: DeliveryIds
    opens: int
    clicks: int
    first_at: datetime
    first_clicked_at: datetime | None

    def add(self, hit: Hit) -> None:
        """Counts one more hit of the same delivery."""
        self.first_at = min(self.first_at, hit.occurred_at)
        if hit.kind is HitKind.OPEN:
            self.opens += 1
            return
        self.clicks += 1
        self.first_clicked_at = min(self.first_clicked_at or hit.occurred_at, hit.occurred_at)


def count_hits(hits: Iterable[Hit]) -> list[HitCount]:
    """One count per delivery, in the order of their ids, so that two writers lock rows in one order."""
    found: dict[DeliveryIds, HitCount] = {}
    for hit in hits:
        if not hit.visit.is_machine:
            if hit.delivery not in found:
                found[hit.delivery] = HitCount(hit.delivery, 0, 0, hit.occurred_at, None)
            found[hit.delivery].add(hit)
    return sorted(found.values(), key=lambda one: (one.delivery.message_id, one.delivery.contact_id, one.delivery.occurrence))
