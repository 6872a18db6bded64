"""Where granted credits come from, and which of them burn first."""

from typing import Literal

GrantSource = Literal["sign_up"]

BURN_PRIORITY: dict[GrantSource, int] = {"sign_up": 10}
"""Lower burns first; among equals the one that expires first, then the oldest."""
