"""Makes a text that matches a simple regular expression: literals, classes, groups, alternatives, counts."""

import re
import string
from collections.abc import Callable

WORD = string.ascii_lowercase + string.digits + string.ascii_uppercase + "_"
ESCAPES = {"d": string.digits, "w": WORD, "s": " ", "D": "abcdefgh", "W": "-+", "S": WORD, "t": "\t", "n": "\n"}
REPEATS_MAX = 400

Sampler = Callable[[int, int], str]
"""Gives a text for (how many repeats above the least, which choice among equals)."""


class UnreadablePattern(ValueError):
    """The expression uses more than this can make."""


def matching_text(pattern: str, *, choice: int, length_min: int, length_max: int | None) -> str:
    """A text the pattern matches, within the lengths. Raises UnreadablePattern where none was found."""
    sampler = _Reader(pattern).read()
    for extra in range(REPEATS_MAX):
        for turn in range(4):
            made = sampler(extra, choice + turn)
            if len(made) >= length_min and (length_max is None or len(made) <= length_max) and re.search(pattern, made):
                return made
    raise UnreadablePattern(pattern)


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern, self._at = pattern, 0

    def read(self) -> Sampler:
        sampler = self._alternatives()
        if self._at < len(self._pattern):
            raise UnreadablePattern(self._pattern)
        return sampler

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        taken = self._peek()
        if not taken:
            raise UnreadablePattern(self._pattern)
        self._at += 1
        return taken

    def _alternatives(self) -> Sampler:
        choices = [self._sequence()]
        while self._peek() == "|":
            self._take()
            choices.append(self._sequence())
        return lambda extra, choice: choices[choice % len(choices)](extra, choice)

    def _sequence(self) -> Sampler:
        parts: list[Sampler] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._counted(self._atom()))
        return lambda extra, choice: "".join(part(extra, choice + index) for index, part in enumerate(parts))

    def _atom(self) -> Sampler:
        taken = self._take()
        if taken in "^$":
            return _one_of("")
        if taken == ".":
            return _one_of(string.ascii_lowercase)
        if taken == "[":
            return _one_of(self._class())
        if taken == "(":
            return self._group()
        if taken == "\\":
            return _one_of(self._escape())
        if taken in "*+?{":
            raise UnreadablePattern(self._pattern)
        return _one_of(taken)

    def _group(self) -> Sampler:
        if self._peek() == "?":
            self._take()
            if self._take() != ":":
                raise UnreadablePattern(self._pattern)
        inner = self._alternatives()
        if self._take() != ")":
            raise UnreadablePattern(self._pattern)
        return inner

    def _escape(self) -> str:
        taken = self._take()
        if taken == "b":
            return ""
        if taken in ESCAPES:
            return ESCAPES[taken]
        if taken.isalnum():
            raise UnreadablePattern(self._pattern)
        return taken

    def _class(self) -> str:
        is_negated = self._peek() == "^"
        if is_negated:
            self._take()
        members: list[str] = []
        while self._peek() != "]" or not members:
            start = self._member()
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("]", "") and len(start) == 1:
                self._take()
                end = self._member()
                if len(end) != 1 or end < start:
                    raise UnreadablePattern(self._pattern)
                members += [chr(code) for code in range(ord(start), min(ord(end), ord(start) + 255) + 1)]
            else:
                members += start
        self._take()
        if not is_negated:
            return "".join(members)
        return "".join(letter for letter in string.ascii_letters + string.digits + " -." if letter not in members)

    def _member(self) -> str:
        taken = self._take()
        return self._escape() if taken == "\\" else taken

    def _counted(self, atom: Sampler) -> Sampler:
        least, most = self._count()
        if self._peek() == "?":
            self._take()

        def repeated(extra: int, choice: int) -> str:
            count = least + extra if most is None else min(least + extra, most)
            return "".join(atom(extra, choice + index) for index in range(min(count, REPEATS_MAX)))

        return repeated

    def _count(self) -> tuple[int, int | None]:
        marks: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        mark = self._peek()
        if mark in marks:
            self._take()
            return marks[mark]
        found = re.match(r"\{(\d+)(?:(,)(\d*))?\}", self._pattern[self._at :])
        if found is None:
            return 1, 1
        self._at += found.end()
        least = int(found.group(1))
        if found.group(2) is None:
            return least, least
        return least, int(found.group(3)) if found.group(3) else None


def _one_of(letters: str) -> Sampler:
    return lambda _, choice: letters[choice % len(letters)] if letters else ""
