"""The addresses of one delivery: each link, the open pixel and the unsubscribe page, each with its own token."""

from collections.abc import Sequence
from dataclasses import dataclass

from .links import Link
from .liquid import TRACKING
from .tokens import DeliveryIds, DeliverySigner, Purpose, SigningKey


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where tracking addresses lead and what is tracked. `address` is https without a final slash; the unsubscribe page is always there."""

    address: str
    key: SigningKey
    is_tracking_opens: bool = True
    is_tracking_clicks: bool = True

    def __post_init__(self) -> None:
        if not self.address.startswith(("https://", "http://127.0.0.1", "http://localhost")) or not self.address.isprintable():
            raise ValueError("tracking addresses are https")
        if any(character in self.address for character in " <>\"'&"):
            raise ValueError("a tracking address is a plain URL")


class Addresses:
    """Makes the addresses of each delivery of one mail: `l0`, `l1`, … for its links, `open` for its pixel."""

    __slots__ = ("_links", "_tracking")

    def __init__(self, tracking: Tracking, links: Sequence[Link]) -> None:
        self._tracking = tracking
        self._links = tuple((f"l{link.index}", link) for link in links)

    def fill(self, values: dict[str, object], delivery: DeliveryIds) -> None:
        """Adds the unsubscribe address and those of the holes to what the template sees; an untracked link resolves from `values`."""
        tracking, signer = self._tracking, DeliverySigner(delivery, self._tracking.key)
        values["unsubscribe_url"] = f"{tracking.address}/u/{signer.sign(Purpose.UNSUBSCRIBE)}"
        holes: dict[str, str | None] = {}
        if tracking.is_tracking_clicks:
            prefix = f"{tracking.address}/t/c/"
            for name, link in self._links:
                holes[name] = prefix + signer.sign(Purpose.CLICK, link=link.index)
        else:
            for name, link in self._links:
                holes[name] = link.resolve(values) or "#"
        holes["open"] = f"{tracking.address}/t/o/{signer.sign(Purpose.OPEN)}" if tracking.is_tracking_opens else None
        values[TRACKING] = holes
