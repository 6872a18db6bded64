"""Strings within a JSON Schema's limits, saying what the property's name suggests."""

import re
from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID

from nexusone.providers.openai.simulation.copywriter import Copywriter, text_for_property
from nexusone.providers.openai.simulation.patterns import UnreadablePattern, matching_text

LENGTH_MAX = 100_000
PATTERN_LENGTH_MAX = 500


class NoSuchText(ValueError):
    """The limits leave no text that can be made here."""


def fitting_text(node: Mapping[str, object], *, name: str, variant: int, writer: Copywriter) -> str:
    """A text within the limits. Raises NoSuchText."""
    least, most = _length(node.get("minLength")) or 0, _length(node.get("maxLength"))
    if least > LENGTH_MAX or (most is not None and most < least):
        raise NoSuchText(f"no text of {least} to {most} characters")
    formatted = _formatted(node.get("format"), variant=variant, writer=writer)
    said = formatted or _fitted(text_for_property(writer, name=name, variant=variant), least=least, most=most, writer=writer)
    pattern = node.get("pattern")
    if not isinstance(pattern, str):
        return said
    return _matching(pattern, said=said, variant=variant, least=least, most=most)


def _matching(pattern: str, *, said: str, variant: int, least: int, most: int | None) -> str:
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise NoSuchText("the pattern is too long")
    try:
        if len(said) <= 200 and re.search(pattern, said):
            return said
        return matching_text(pattern, choice=variant, length_min=least, length_max=most)
    except (re.error, UnreadablePattern) as error:
        raise NoSuchText("the pattern cannot be followed") from error


def _fitted(text: str, *, least: int, most: int | None, writer: Copywriter) -> str:
    more = 0
    while len(text) < least:
        text = f"{text} {writer.say('benefit', variant=more)}"
        more += 1
    if most is None or len(text) <= most:
        return text
    cut = text[:most]
    at_word = cut.rsplit(" ", 1)[0].rstrip(" ,;:-")
    return at_word if least <= len(at_word) and at_word and " " in cut else cut


def _formatted(wanted: object, *, variant: int, writer: Copywriter) -> str | None:
    day = 1 + variant % 28
    formats = {
        "date-time": f"2026-12-{day:02d}T09:00:00Z",
        "date": f"2026-12-{day:02d}",
        "time": f"{9 + variant % 9:02d}:00:00Z",
        "duration": f"P{day}D",
        "email": f"hello{variant or ''}@example.com",
        "hostname": "example.com",
        "ipv4": f"192.0.2.{day}",
        "ipv6": f"2001:db8::{day}",
        "uri": writer.brief.url,
        "uri-reference": writer.brief.url,
        "iri": writer.brief.url,
        "uuid": str(UUID(sha256(f"{writer.brief.seed}/{variant}".encode()).hexdigest()[:32], version=4)),
    }
    return formats.get(wanted) if isinstance(wanted, str) else None


def _length(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
