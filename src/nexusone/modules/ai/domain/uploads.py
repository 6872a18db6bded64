"""Files of documents: what their names and bytes say of them."""

from typing import Final

from nexusone.modules.ai.contracts.knowledge import CONTENT_CHARACTERS_MAX, DocumentKind

UPLOAD_BYTES_MAX: Final = 2 * 2**20
KINDS: Final[dict[str, DocumentKind]] = {"txt": "text", "md": "markdown", "markdown": "markdown", "html": "html", "htm": "html"}
# What begins other files than texts, however they are called.
SIGNATURES: Final = (b"%PDF", b"PK\x03\x04", b"{\\rtf")


class UnreadableFile(ValueError):
    """A file that no document can be made of; the text says why."""


def kind_of_file(name: str) -> DocumentKind:
    """By the name's ending. Raises UnreadableFile."""
    kind = KINDS.get(name.rsplit(".", 1)[-1].lower()) if "." in name else None
    if kind is None:
        raise UnreadableFile(f"its name ends in none of {', '.join(KINDS)}")
    return kind


def text_of_file(content: bytes) -> str:
    """The text in a file. Raises UnreadableFile."""
    if content.startswith(SIGNATURES) or b"\x00" in content:
        raise UnreadableFile("it is no text, whatever its name says")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile("its text is not UTF-8") from error
    if len(text) > CONTENT_CHARACTERS_MAX:
        raise UnreadableFile(f"it has more than {CONTENT_CHARACTERS_MAX:,} characters")
    return text
