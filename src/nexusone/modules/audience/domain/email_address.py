"""E-mail addresses in the one spelling they are stored and compared in."""

import re
import unicodedata

import idna

EMAIL_LENGTH_MAX = 254

_ADDRESS = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?![0-9]+\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
# Letters of these scripts imitate each other; a label that mixes them is made to be mistaken for another.
_CONFUSABLE_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})


def normalise_email(text: str) -> str | None:
    """The stored spelling: trimmed, lower case, domain in its ASCII (IDNA) form; None if `text` is no address.

    The part before the @ is ASCII; the domain may be written in any one script.
    """
    trimmed = text.strip()
    if len(trimmed) > EMAIL_LENGTH_MAX:
        return None
    if trimmed.isascii():
        lowered = trimmed.lower()
        if "@xn--" not in lowered and ".xn--" not in lowered:
            return lowered if _ADDRESS.fullmatch(lowered) else None
    return _with_international_domain(unicodedata.normalize("NFC", trimmed))


def comparable_email(text: str) -> str:
    """The spelling in which a searched address or a part of one is compared with stored addresses."""
    return normalise_email(text) or unicodedata.normalize("NFC", text.strip()).lower()


def _with_international_domain(text: str) -> str | None:
    local, _, domain = text.rpartition("@")
    if not local.isascii():
        return None
    try:
        encoded = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
        readable = idna.decode(encoded)
    except UnicodeError:
        return None
    address = f"{local}@{encoded}".lower()
    if len(address) > EMAIL_LENGTH_MAX or not _ADDRESS.fullmatch(address):
        return None
    return None if any(_mixes_scripts(label) for label in readable.split(".")) else address


def _mixes_scripts(label: str) -> bool:
    scripts = {unicodedata.name(letter, "?").split(" ", 1)[0] for letter in label if letter.isalpha()}
    return len(scripts & _CONFUSABLE_SCRIPTS) > 1
