"""How the product's own mails are written: texts with holes become plain text and HTML that say the same."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nexusone.kernel.locale import is_right_to_left
from nexusone.modules.identity.ports import MailAttachment, SystemMail

NAME_LENGTH_MAX = 60


@dataclass(frozen=True, slots=True)
class MailTexts:
    """The texts of one language: `phrases` are shared by all mails, `mails` has subject and paragraphs by kind."""

    locale: str
    phrases: Mapping[str, str]
    mails: Mapping[str, tuple[str, tuple[str, ...]]]


def write_mail(texts: MailTexts, kind: str, *, recipient: str, name: str, values: Mapping[str, str], at: datetime) -> SystemMail:
    """A finished mail. `values` fill the holes; what people chose themselves is cut and kept to one line, and never makes a link."""
    known = {key: _one_line(value) if value else texts.phrases["unknown"] for key, value in values.items()}
    known |= {key: texts.phrases[key].format_map(_Holes(known)) for key in ("details", "secure")}
    subject, body = texts.mails[kind]
    greeting = texts.phrases["greeting"].format(name=_unlinked(name)[:NAME_LENGTH_MAX])
    paragraphs = [greeting, *(line.format_map(_Holes(known)) for line in body)]
    return SystemMail(
        recipient=recipient,
        locale=texts.locale,
        subject=subject.format_map(_Holes(known)),
        text="\n\n".join([*paragraphs, "-- ", texts.phrases["footer"]]) + "\n",
        html=_page(texts.locale, paragraphs, texts.phrases["footer"]),
        at=at,
    )


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says that another module has written: paragraphs of plain text, in which links become links."""

    subject: str
    paragraphs: tuple[str, ...]
    footer: str


def finished(letter: Letter, *, recipient: str, locale: str, files: tuple[MailAttachment, ...], at: datetime) -> SystemMail:
    """A mail that another module has written, as it is handed over."""
    paragraphs = [_one_line(paragraph) for paragraph in letter.paragraphs]
    return SystemMail(
        recipient=recipient,
        locale=locale,
        subject=_one_line(letter.subject),
        text="\n\n".join([*paragraphs, "-- ", letter.footer]) + "\n",
        html=_page(locale, paragraphs, letter.footer),
        at=at,
        attachments=files,
    )


class _Holes(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _unlinked(name: str) -> str:
    # Mail programs make links of anything like an address, so a stranger's "name" could lead readers away.
    return _one_line(name).replace("://", " ").replace(".", " ").replace("/", " ")


def _page(locale: str, paragraphs: list[str], footer: str) -> str:
    direction = ' dir="rtl"' if is_right_to_left(locale) else ""
    inside = "".join(f"<p>{_linked(paragraph)}</p>" for paragraph in paragraphs)
    return (
        f'<!doctype html><html lang="{locale}"{direction}><head><meta charset="utf-8"></head>'
        f'<body style="font-family:sans-serif">{inside}<hr><p style="color:#666">{html.escape(footer)}</p></body></html>'
    )


def _linked(paragraph: str) -> str:
    words = paragraph.split(" ")
    return " ".join(
        f'<a href="{html.escape(word)}">{html.escape(word)}</a>' if word.startswith(("https://", "http://")) else html.escape(word)
        for word in words
    )
