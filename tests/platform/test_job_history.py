"""How often a job failed and how often its worker died, told from the queue's log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.platform.job_history import GIVEN_BACK, SPREAD, History, Step

QUEUED, PICKED, FAILED = Step("queued", None), Step("picked", None), Step("failed", "the reason")
RETRIED, BACK, APART = Step("queued", "ValueError()"), Step("queued", GIVEN_BACK), Step("queued", SPREAD)


@pytest.mark.parametrize(
    ("steps", "failures", "crashes", "is_after_crash"),
    [
        ([QUEUED, PICKED], 0, 0, False),
        ([QUEUED, PICKED, RETRIED, PICKED], 1, 0, False),
        ([QUEUED, PICKED, BACK, PICKED], 0, 0, False),
        ([QUEUED, PICKED, PICKED], 0, 1, True),
        ([QUEUED, PICKED, PICKED, PICKED], 0, 2, True),
        ([QUEUED, PICKED, PICKED, PICKED, APART, PICKED], 0, 2, False),
        ([QUEUED, PICKED, PICKED, PICKED, APART, PICKED, PICKED], 0, 3, True),
        ([QUEUED, PICKED, PICKED, RETRIED, PICKED], 1, 1, False),
        ([QUEUED, PICKED, PICKED, PICKED, PICKED, FAILED, QUEUED, PICKED], 0, 0, False),
        ([QUEUED, PICKED, RETRIED, PICKED, FAILED, QUEUED, PICKED, PICKED], 0, 1, True),
    ],
)
def test_failures_and_crashes_are_counted_since_the_job_was_last_given_up_on(
    steps: list[Step], failures: int, crashes: int, *, is_after_crash: bool
) -> None:
    assert History.of(steps) == History(failures=failures, crashes=crashes, is_after_crash=is_after_crash)


@given(st.lists(st.sampled_from([QUEUED, PICKED, FAILED, RETRIED, BACK, APART])))
def test_whatever_came_before_a_dead_letter_does_not_count(before: list[Step]) -> None:
    assert History.of([*before, FAILED, QUEUED, PICKED]) == History(failures=0, crashes=0, is_after_crash=False)
