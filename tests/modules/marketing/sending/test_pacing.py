"""The rules of counting and of waiting."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from nexusone.modules.marketing.domain.pacing import backoff
from nexusone.modules.marketing.domain.tallies import Tally, tally_of

STATES = ("queued", "claimed", "handing_over", "sent", "failed", "unknown", "skipped")
COUNTS = st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from(["", "bounced", "no_address"]), st.integers(0, 10**9)))


@given(COUNTS)
def test_a_tally_counts_every_delivery_once(counts: list[tuple[str, str, int]]) -> None:
    tally = tally_of(counts)
    assert tally.recipients + sum(tally.skipped.values()) == sum(count for _, _, count in counts)
    assert tally.is_final == (not any(count for state, _, count in counts if state in ("queued", "claimed", "handing_over")))
    assert tally.payable == sum(count for state, _, count in counts if state in ("sent", "unknown"))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.dictionaries(st.text(), st.integers(0, 10**9)))
def test_final_counts_are_read_as_they_were_written(sent: int, unknown: int, skipped: dict[str, int]) -> None:
    tally = Tally(sent=sent, unknown=unknown, skipped=skipped)
    assert Tally.read(tally.written()) == tally


@given(st.integers(0, 10**6), st.floats(0.001, 60), st.floats(60, 4000), st.floats(0, 1))
def test_waiting_grows_and_has_an_end(step: int, first: float, most: float, jitter: float) -> None:
    pause = backoff(step=step, first_seconds=first, seconds_max=most, jitter=jitter)
    assert timedelta(0) < pause <= timedelta(seconds=most * 1.5)
    assert pause <= backoff(step=step + 1, first_seconds=first, seconds_max=most, jitter=jitter)
