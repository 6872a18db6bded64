"""How many exchanges were held against which vendor's contract in this run."""

from collections import Counter

HELD: Counter[str] = Counter()


def note(contract: str, exchanges: int = 1) -> None:
    """So many more were held against the contract of that file name."""
    HELD[contract] += exchanges
