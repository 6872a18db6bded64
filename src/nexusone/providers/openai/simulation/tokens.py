"""Counts tokens the way bills look: about four letters each, one per letter in scripts without spaces."""

import re

PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\s*[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,4}|\s+")


def count_tokens(text: str) -> int:
    """How many tokens a text is."""
    return len(PIECE.findall(text))


def cut_to_tokens(text: str, limit: int | None) -> tuple[str, bool]:
    """The first `limit` tokens, and whether something was cut off."""
    pieces = PIECE.findall(text)
    if limit is None or len(pieces) <= limit:
        return text, False
    return "".join(pieces[:limit]), True


def split_for_stream(text: str) -> list[str]:
    """The text in the pieces it is streamed in, three tokens each."""
    pieces = PIECE.findall(text)
    return ["".join(pieces[start : start + 3]) for start in range(0, len(pieces), 3)]
