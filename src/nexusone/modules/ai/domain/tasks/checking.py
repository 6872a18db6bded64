"""What is checked of every task's answer: placeholders, addresses, claims, the language."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from nexusone.modules.ai.domain.instructions import language_name
from nexusone.modules.ai.domain.tasks.task import ContentTask, Output, strings_in

PLACEHOLDER = re.compile(r"\{\{[^{}]{1,200}\}\}")
ADDRESS = re.compile(r"https?://[^\s\"'<>()\[\]{}|\\^`]+", re.IGNORECASE)
MARKUP = re.compile(
    r"<\s*(?:script|iframe|object|embed|svg|img|style|link|meta|form|base)\b|\bjavascript:|\bon\w{3,20}\s*=\s*[\"']", re.IGNORECASE
)
ADDRESS_ENDS = ".,;:!?…"
LETTERS_MIN = 20
LETTERS_ENOUGH = 60
SHARE_MIN = 0.25
KANA_SHARE_MAX = 0.1
WORDS_MIN = 6
SHOWN_MAX = 80

_RANGES: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {
    "Latin": ((0x41, 0x24F), (0x1E00, 0x1EFF)),
    "Greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "Cyrillic": ((0x400, 0x52F),),
    "Armenian": ((0x530, 0x58F),),
    "Hebrew": ((0x590, 0x5FF),),
    "Arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)),
    "Devanagari": ((0x900, 0x97F),),
    "Bengali": ((0x980, 0x9FF),),
    "Tamil": ((0xB80, 0xBFF),),
    "Telugu": ((0xC00, 0xC7F),),
    "Thai": ((0xE00, 0xE7F),),
    "Georgian": ((0x10A0, 0x10FF),),
    "Hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)),
    "Kana": ((0x3041, 0x30FF),),
    "Han": ((0x3400, 0x4DBF), (0x4E00, 0x9FFF)),
}
_LATIN = "af ca cs cy da de en es et eu fi fr ga gl hr hu id is it lt lv ms mt nb nl nn no pl pt ro sk sl sq sv sw tl tr vi"
_SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(_LATIN.split(), ("Latin",)),
    **dict.fromkeys(("be", "bg", "mk", "ru", "uk"), ("Cyrillic",)),
    **dict.fromkeys(("ar", "fa", "ur"), ("Arabic",)),
    **dict.fromkeys(("hi", "mr", "ne"), ("Devanagari",)),
    **{"bn": ("Bengali",), "ta": ("Tamil",), "te": ("Telugu",), "th": ("Thai",), "ka": ("Georgian",), "hy": ("Armenian",)},
    **{"el": ("Greek",), "he": ("Hebrew",), "ko": ("Hangul",), "ja": ("Kana", "Han"), "zh": ("Han",)},
}
# Small words that say which language a text is in, and hardly stand in another of these.
_SMALL_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "en": frozenset(["the", "and", "with", "your", "you", "this", "that", "from", "for", "are", "our", "is", "of", "to"]),
    "de": frozenset(
        ["der", "die", "das", "und", "mit", "für", "ist", "nicht", "ein", "eine", "wir", "sie", "ihr", "unser", "auf", "den", "dem", "zu"]
    ),
    "fr": frozenset(
        ["le", "les", "et", "avec", "pour", "vous", "votre", "nos", "notre", "est", "dans", "une", "des", "du", "sur", "ce", "cette"]
    ),
    "es": frozenset(
        ["el", "los", "las", "y", "con", "para", "una", "es", "nuestro", "nuestra", "tu", "su", "del", "por", "más", "este", "esta"]
    ),
    "it": frozenset(
        ["il", "gli", "e", "con", "per", "una", "è", "nostro", "nostra", "tuo", "della", "che", "più", "questo", "questa", "di", "nel"]
    ),
    "pt": frozenset(
        ["os", "e", "com", "para", "uma", "é", "nosso", "nossa", "seu", "sua", "não", "mais", "este", "esta", "do", "da", "em", "você"]
    ),
    "nl": frozenset(
        ["het", "een", "en", "met", "voor", "is", "onze", "ons", "je", "van", "niet", "uw", "deze", "dit", "op", "aan", "zijn"]
    ),
    "pl": frozenset(["i", "z", "dla", "na", "jest", "do", "nie", "się", "nasz", "nasza", "twój", "to", "oraz", "od", "że", "jak", "już"]),
}


def answer_faults(task: ContentTask, output: Output, *, locale: str, forbidden: Sequence[str] = ()) -> tuple[str, ...]:
    """What is wrong with an answer of the right shape; empty where it can be given."""
    words = list(strings_in(dict(output)))
    given = list(strings_in(task.material()))
    spoken = "\n".join(strings_in(dict(output), without=task.unspoken))
    return (
        *task.faults(output, locale=locale),
        *_placeholder_faults(words, given),
        *_address_faults(words, given),
        *_markup_faults(words),
        *_claim_faults(words, forbidden),
        *_language_faults(spoken, locale),
    )


def missing_placeholders(source: str, answer: str) -> tuple[str, ...]:
    """The placeholders of a text that its counterpart lacks."""
    return tuple(dict.fromkeys(held for held in PLACEHOLDER.findall(source) if held not in answer))


def _placeholder_faults(words: Iterable[str], given: Iterable[str]) -> Iterator[str]:
    known = {held for text in given for held in PLACEHOLDER.findall(text)}
    found = {held for text in words for held in PLACEHOLDER.findall(text)}
    for held in sorted(found - known):
        yield f"the placeholder {held[:SHOWN_MAX]} is not one of the material's"


def _address_faults(words: Iterable[str], given: Iterable[str]) -> Iterator[str]:
    known = {_address(found) for text in given for found in ADDRESS.findall(text)}
    found = {_address(address) for text in words for address in ADDRESS.findall(text)}
    for address in sorted(found - known):
        yield f"the address {address[:SHOWN_MAX]} is not one of the material's"


def _address(found: str) -> str:
    return found.rstrip(ADDRESS_ENDS)


def _markup_faults(words: Iterable[str]) -> Iterator[str]:
    if any(MARKUP.search(text) for text in words):
        yield "the answer holds active markup; write plain text"


def _claim_faults(words: Iterable[str], forbidden: Iterable[str]) -> Iterator[str]:
    said = f" {_plain(' '.join(words))} "
    for claim in forbidden:
        plain = _plain(claim)
        if plain and f" {plain} " in said:
            yield f'the brand never claims "{claim[:SHOWN_MAX]}", in no words'


def _plain(text: str) -> str:
    """Words alone, so that neither case nor signs hide a claim."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def _language_faults(text: str, locale: str) -> Iterator[str]:
    words = ADDRESS.sub(" ", PLACEHOLDER.sub(" ", text))
    language = locale.partition("-")[0]
    if not (_is_in_script(words, language) and _is_in_language(words, language)):
        yield f"the text is not in {language_name(locale)}"


def _is_in_script(text: str, language: str) -> bool:
    scripts = _SCRIPTS.get(language)
    letters = [_script(ord(sign)) for sign in text if sign.isalpha()]
    if scripts is None or len(letters) < LETTERS_MIN:
        return True
    if language == "zh" and letters.count("Kana") > len(letters) * KANA_SHARE_MAX:
        return False
    if len(letters) < LETTERS_ENOUGH:
        # A brand's name alone may be most of a short text.
        return any(script in scripts for script in letters)
    return sum(letters.count(script) for script in scripts) >= len(letters) * SHARE_MIN


def _script(point: int) -> str | None:
    return next((name for name, ranges in _RANGES.items() if any(low <= point <= high for low, high in ranges)), None)


def _is_in_language(text: str, language: str) -> bool:
    own = _SMALL_WORDS.get(language)
    if own is None:
        return True
    words = re.findall(r"[^\W\d_]+", text.casefold())
    counted = {name: sum(word in small for word in words) for name, small in _SMALL_WORDS.items()}
    other = max((count for name, count in counted.items() if name != language), default=0)
    return other < WORDS_MIN or counted[language] * 2 >= other
