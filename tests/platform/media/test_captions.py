"""Captions: every word is there, in order, and the time is filled."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.platform.media.captions import LINE_LENGTH, LINES, Cue, cues_of, to_srt, to_webvtt

TEXT = "Meet the lamp. It drinks the sun all day, and reads you to sleep at night! Would you like one?"


def test_a_text_becomes_cues_that_fill_its_time() -> None:
    cues = cues_of(TEXT, duration_ms=9_000, start_ms=500)
    assert [cue.text for cue in cues] == [
        "Meet the lamp.",
        "It drinks the sun all day, and reads you\nto sleep at night!",
        "Would you like one?",
    ]
    assert (cues[0].start_ms, cues[-1].end_ms) == (500, 9_500)


@given(st.text(max_size=400), st.integers(1, 600_000))
def test_every_word_is_shown_once_and_no_time_is_left_out(text: str, duration_ms: int) -> None:
    cues = cues_of(text, duration_ms=duration_ms)
    assert "".join("".join(cue.text.split()) for cue in cues) == "".join(text.split())
    assert all(one.end_ms == other.start_ms for one, other in pairwise(cues))
    assert all(cue.start_ms < cue.end_ms for cue in cues)
    if len(cues) < duration_ms // 700:
        assert all(len(cue.text.splitlines()) <= LINES and len(line) <= LINE_LENGTH for cue in cues for line in cue.text.splitlines())


def test_webvtt_spells_markup_out() -> None:
    cues = (Cue(0, 1_500, "<b>Tom & Jerry</b>\n\nNOTE --> x"), Cue(3_600_000, 3_601_001, "late"))
    assert to_webvtt(cues) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n&lt;b&gt;Tom &amp; Jerry&lt;/b&gt;\nNOTE --&gt; x\n"
        "\n01:00:00.000 --> 01:00:01.001\nlate\n"
    )


def test_srt_numbers_its_cues() -> None:
    cues = (Cue(0, 1_500, "one\n\n2\n00:00:00,000 --> 00:00:09,000"), Cue(1_500, 2_000, "two"))
    assert to_srt(cues) == (
        "1\n00:00:00,000 --> 00:00:01,500\none\n2\n00:00:00,000 → 00:00:09,000\n\n2\n00:00:01,500 --> 00:00:02,000\ntwo\n"
    )


@pytest.mark.parametrize("cue", [Cue(5, 5, "x"), Cue(9, 3, "x"), Cue(-1, 3, "x")])
def test_a_cue_without_time_is_a_fault(cue: Cue) -> None:
    with pytest.raises(ValueError, match="after it begins"):
        to_srt((cue,))
    with pytest.raises(ValueError, match="after it begins"):
        to_webvtt((cue,))
