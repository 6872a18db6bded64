"""Captions of what is spoken: cues made from a text and its time, written as WebVTT or SRT. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LINE_LENGTH = 42
LINES = 2
CUE_MS_MIN = 700
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'»”)\]])\s+|(?<=[。！？])")
ARROW = "-->"


@dataclass(frozen=True, slots=True)
class Cue:
    """Words on the screen from `start_ms` up to before `end_ms`; a line break is a line break."""

    start_ms: int
    end_ms: int
    text: str


def cues_of(text: str, *, duration_ms: int, start_ms: int = 0) -> tuple[Cue, ...]:
    """A spoken text in cues of two lines at most, each as long as its share of the letters; together they fill the duration.

    Raises:
        ValueError: there is no time at all.
    """
    if duration_ms < 1 or start_ms < 0:
        raise ValueError("a text is spoken in some time, which does not begin before the beginning")
    blocks = [block for sentence in SENTENCE_END.split(" ".join(text.split())) for block in _blocks(sentence.strip())]
    blocks = _not_more(blocks, most=max(1, duration_ms // CUE_MS_MIN))
    # Nobody reads a word in no time, however long the others are.
    least = 1 + sum(map(len, blocks)) // (10 * max(1, len(blocks)))
    weights = [max(least, len(block)) for block in blocks]
    ends, spoken = [], 0
    for weight in weights:
        spoken += weight
        ends.append(start_ms + duration_ms * spoken // sum(weights))
    return tuple(Cue(start, end, block) for start, end, block in zip((start_ms, *ends), ends, blocks, strict=False))


def to_webvtt(cues: Sequence[Cue]) -> str:
    """The cues as WebVTT; what would be markup there is spelled out."""
    shown = (f"{_clock(cue.start_ms, '.')} {ARROW} {_clock(cue.end_ms, '.')}\n{_escaped(_lines(cue.text))}\n" for cue in _checked(cues))
    return "\n".join(("WEBVTT\n", *shown))


def to_srt(cues: Sequence[Cue]) -> str:
    """The cues as SRT, numbered from one."""
    shown = (
        f"{number}\n{_clock(cue.start_ms, ',')} {ARROW} {_clock(cue.end_ms, ',')}\n{_lines(cue.text).replace(ARROW, '→')}\n"
        for number, cue in enumerate(_checked(cues), 1)
    )
    return "\n".join(shown)


def _blocks(sentence: str) -> Iterator[str]:
    lines: list[str] = []
    for line in _wrapped(sentence):
        lines.append(line)
        if len(lines) == LINES:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def _wrapped(sentence: str) -> Iterator[str]:
    line = ""
    for word in sentence.split():
        # Languages without spaces, and addresses, have words longer than a line.
        for piece in (word[at : at + LINE_LENGTH] for at in range(0, len(word), LINE_LENGTH)):
            if line and len(line) + 1 + len(piece) > LINE_LENGTH:
                yield line
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
    if line:
        yield line


def _not_more(blocks: list[str], *, most: int) -> list[str]:
    """Neighbours together where there is not time enough to read each."""
    if len(blocks) <= most:
        return blocks
    return ["\n".join(blocks[place * len(blocks) // most : (place + 1) * len(blocks) // most]) for place in range(most)]


def _checked(cues: Sequence[Cue]) -> Sequence[Cue]:
    for cue in cues:
        if not 0 <= cue.start_ms < cue.end_ms:
            raise ValueError("a cue ends after it begins")
    return cues


def _lines(text: str) -> str:
    # An empty line would end the cue.
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) or "…"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(at_ms: int, point: str) -> str:
    seconds, milliseconds = divmod(at_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{milliseconds:03}"
