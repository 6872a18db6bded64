"""SQL as its own type: made of literals only, so that text from outside can never become a statement."""

from collections.abc import Iterable
from typing import LiteralString


class Sql:
    """A statement or fragment; values travel beside it as parameters (`%(name)s`)."""

    __slots__ = ("is_fragment", "text")

    def __init__(self, text: LiteralString, *, is_fragment: bool = False) -> None:
        self.text: str = text
        self.is_fragment = is_fragment

    def fill(self, **parts: "Sql") -> "Sql":
        """Puts fragments where the text says `{name}`; only other Sql can be put in."""
        text = self.text
        for name, part in parts.items():
            hole = "{" + name + "}"
            if hole not in text:
                raise KeyError(name)
            text = text.replace(hole, part.text)
        return _composed(text)

    def __repr__(self) -> str:
        return f"Sql({self.text!r})"


def sql(text: LiteralString) -> Sql:
    """A whole statement. A test PREPAREs every module-level one against the migrated schema."""
    return Sql(text)


def fragment(text: LiteralString) -> Sql:
    """A part of a statement, or one with `{holes}`; tested through the statements it ends up in."""
    return Sql(text, is_fragment=True)


def join(separator: LiteralString, parts: Iterable[Sql]) -> Sql:
    """Fragments, one after the other."""
    return _composed(separator.join(part.text for part in parts))


def placeholder(name: str) -> Sql:
    """The parameter `%(name)s`; the name must be an identifier."""
    if not name.isidentifier() or not name.isascii():
        raise ValueError(f"{name!r} is not a parameter name")
    return _composed(f"%({name})s")


def _composed(text: str) -> Sql:
    made = Sql("", is_fragment=True)
    made.text = text
    return made
