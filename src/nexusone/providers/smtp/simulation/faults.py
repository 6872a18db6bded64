"""What goes wrong on request: by the recipient's address, or for the whole server by a switch."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

RecipientFault = Literal["bounce", "defer", "drop", "slow", "full"]
ServerFault = Literal["refuse", "drop_after_data", "defer", "slow"]

SERVER_FAULTS: tuple[ServerFault, ...] = get_args(ServerFault)
TAGGED = re.compile(r"[^@]*\+(bounce|defer|drop|slow|full)@")
TAGS: dict[str, RecipientFault] = {tag: tag for tag in get_args(RecipientFault)}


def fault_of(recipient: str) -> RecipientFault | None:
    """The fault an address asks for: `bounce@` anything, or a tag such as `jo+defer@`."""
    address = recipient.lower()
    if address.startswith("bounce@"):
        return "bounce"
    found = TAGGED.match(address)
    return TAGS[found[1]] if found else None


@dataclass(slots=True)
class FaultSwitch:
    """The fault the whole server is set to; `times_left` None means until it is switched off."""

    mode: ServerFault | None = None
    times_left: int | None = None

    def set(self, mode: ServerFault, *, times: int | None) -> None:
        """Switches a fault on, for so many times."""
        self.mode, self.times_left = mode, times

    def clear(self) -> None:
        """Switches faults off."""
        self.mode = self.times_left = None

    def takes(self, mode: ServerFault) -> bool:
        """Whether this fault strikes now; a strike is counted."""
        if self.mode != mode:
            return False
        if self.times_left is not None:
            self.times_left -= 1
            if self.times_left <= 0:
                self.clear()
        return True
