"""What an agency charges its clients on top."""

WHOLE = 10_000
"""A hundred percent, in hundredths of a percent."""


def with_mark_up(micros: int, *, mark_up_hundredths: int) -> int:
    """A cost in micro-credits with its mark-up, rounded half up."""
    return micros + (micros * mark_up_hundredths + WHOLE // 2) // WHOLE
