"""Languages as BCP 47 tags: spelled canonically, and with a chain to fall back along."""

import re
from functools import lru_cache

TAG_PATTERN = r"^[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|[0-9]{3}))?$"
TAG = re.compile(TAG_PATTERN.replace("$", r"\Z"))
RTL_LANGUAGES = frozenset({"ar", "fa", "he", "ps", "sd", "ug", "ur", "yi", "dv", "ckb"})


def canonical_locale(tag: str) -> str:
    """`pt_br` becomes `pt-BR`. Raises ValueError for what is not language[-Script][-REGION]."""
    if not TAG.match(tag):
        raise ValueError(f"{tag!r} is not a language tag such as de or pt-BR")
    parts = re.split(r"[-_]", tag)
    spelled = [parts[0].lower()]
    for part in parts[1:]:
        spelled.append(part.title() if len(part) == 4 else part.upper())
    return "-".join(spelled)


def first_language(accepted: str) -> str | None:
    """The first language of an `Accept-Language` header, spelled canonically; None where it names none we can read."""
    first = accepted.partition(",")[0].partition(";")[0].strip()
    try:
        return canonical_locale(first)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def fallback_chain(locale: str, default: str) -> tuple[str, ...]:
    """Where to look for a text, best first: `de-AT`, `de`, then the default and its parents."""
    chain: list[str] = []
    for tag in (locale, default):
        parts = tag.split("-")
        while parts:
            candidate = "-".join(parts)
            if candidate not in chain:
                chain.append(candidate)
            parts.pop()
    return tuple(chain)


def is_right_to_left(locale: str) -> bool:
    """Whether the language of the tag is written from right to left."""
    return locale.split("-")[0] in RTL_LANGUAGES
