"""Where granted credits come from, and which of them burn first."""

from typing import Literal

GrantSource = Literal["sign_up", "plan", "promotion", "compensation", "correction", "purchase", "pool", "pool_return"]

BURN_PRIORITY: dict[GrantSource, int] = {
    "pool": 5,
    "sign_up": 10,
    "plan": 20,
    "promotion": 30,
    "compensation": 40,
    "correction": 40,
    "purchase": 50,
    "pool_return": 50,
}
"""Lower burns first, so what was given goes before what was bought; among equals the one that expires first, then the oldest."""
