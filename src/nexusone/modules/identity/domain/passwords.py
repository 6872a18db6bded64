"""What a password must be: long enough, and not one that everybody tries first."""

import hashlib
import re
from collections.abc import Set as AbstractSet

from nexusone.kernel.errors import FieldError

CONTEXT_WORDS = ("nexusone", "nexus", "password", "passwort", "marketing", "campaign", "workspace", "newsletter")
KEYBOARD_ROWS = ("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "abcdefghijklmnopqrstuvwxyz")
LEET = str.maketrans("@4301!$5", "aaeoiiss")
SEPARATORS = re.compile(r"[\W_]+")
LEFT_OVER_MIN = 6
COMMON_WORDS_MAX = 2
WORD_LENGTH_MIN = 4
OWN_WORD_LENGTH_MIN = 3
RUN_LENGTH_MIN = 4
BREACH_PREFIX_LENGTH = 5


def password_faults(
    password: str, *, length_min: int, email: str, name: str, common: AbstractSet[str] = frozenset()
) -> tuple[FieldError, ...]:
    """Why a password is refused; no rule about which characters it has. `common` are passwords that everybody tries, in lower case."""
    if len(password) < length_min:
        return (_fault("too_short", f"a password has at least {length_min} characters"),)
    folded = password.casefold()
    if len(set(folded)) < 5 or _repeats(folded):
        return (_fault("too_simple", "this password repeats itself"),)
    named = [*SEPARATORS.split(email.casefold()), *SEPARATORS.split(name.casefold()), *CONTEXT_WORDS]
    own = frozenset(word for word in named if len(word) >= OWN_WORD_LENGTH_MIN)
    spellings = {folded, folded.translate(LEET)}
    if any(_all_words(text, own) for text in spellings):
        return (_fault("too_obvious", "this password is made of your own name or ours"),)
    if any(_is_known(text, common) for text in spellings):
        return (_fault("too_common", "this password is among those that are tried first"),)
    return ()


def breach_range(password: str) -> tuple[str, str]:
    """Under which five hexadecimal digits a list of breached passwords has this one, and with which 35 digits after them."""
    # The lists are kept by SHA-1; nothing is kept secret by it.
    digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
    return digest[:BREACH_PREFIX_LENGTH], digest[BREACH_PREFIX_LENGTH:]


def _is_known(text: str, common: AbstractSet[str]) -> bool:
    words = _all_words(text, common)
    return text in common or SEPARATORS.sub("", text) in common or (words is not None and len(words) <= COMMON_WORDS_MAX)


def _all_words(text: str, words: AbstractSet[str]) -> frozenset[str] | None:
    """The words in a text that is little more than them, keyboard runs, digits and signs; None where there is more to it."""
    found = set()
    left, start, in_runs = "", 0, 0
    while start < len(text):
        size = _longest_word(text, start, words)
        if size:
            found.add(text[start : start + size])
        elif size := _run_length(text, start):
            in_runs += size
        left += "" if size else text[start]
        start += max(1, size)
    rest = re.sub(r"[\W\d_]+", "", left)
    # Signs and digits alone, without a word or much of a run among them, are as good as any other characters.
    is_covered = bool(found) or 2 * in_runs >= len(text)
    return frozenset(found) if is_covered and len(rest) < LEFT_OVER_MIN else None


def _longest_word(text: str, start: int, words: AbstractSet[str]) -> int:
    return next((size for size in range(min(26, len(text) - start), OWN_WORD_LENGTH_MIN - 1, -1) if text[start : start + size] in words), 0)


def _run_length(text: str, start: int) -> int:
    longest = 0
    for row in KEYBOARD_ROWS:
        for line in (row, row[::-1]):
            size = 1
            while start + size <= len(text) and text[start : start + size] in line:
                size += 1
            longest = max(longest, size - 1)
    return longest if longest >= RUN_LENGTH_MIN else 0


def _repeats(text: str) -> bool:
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, 5))


def _fault(code: str, detail: str) -> FieldError:
    return FieldError(pointer="/password", code=code, detail=detail)
