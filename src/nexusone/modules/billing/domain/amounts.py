"""Bounds of amounts."""

import re

from nexusone.kernel.money import BIGINT_MAX

AMOUNT_MICROS_MAX = 10**16
"""The largest single grant, ten billion credits: hundreds of them fit a bigint."""


def check_amount(micros: int, *, least: int = 0, most: int = BIGINT_MAX) -> None:
    """Raises ValueError where an amount is out of range; to ask for one is a fault of the caller."""
    if not least <= micros <= most:
        raise ValueError(f"an amount is between {least} and {most} micro-credits, not {micros}")


KEY_LENGTH_MAX = 200


def check_key(key: str) -> None:
    """Raises ValueError where a key is empty or longer than 200 characters."""
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise ValueError(f"a key has 1 to {KEY_LENGTH_MAX} characters, not {len(key)}")


PURPOSE = re.compile(r"[a-z][a-z0-9_.:-]{0,99}")


def check_purpose(purpose: str) -> None:
    """Raises ValueError where a purpose is not a word of the product, such as `ai.text`: it stands in events and in the audit trail."""
    if not PURPOSE.fullmatch(purpose):
        raise ValueError(f"{purpose!r} is not the name of a purpose")
