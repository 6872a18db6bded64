"""Mails drafted from texts that others wrote: what they wrote is data, so neither markup nor Liquid of theirs has an effect."""

from collections.abc import Mapping
from html import escape

TEXT_CHARACTERS_MAX = 10_000


def drafted_variant(texts: Mapping[str, object], *, url: str) -> dict[str, str]:
    """Subject, preheader and MJML of one language; raises ValueError where subject or body are missing."""
    subject, body = _line(texts.get("subject")), _text(texts.get("body"))
    if not subject or not body:
        raise ValueError("a mail needs a subject and a body")
    headline, action = _line(texts.get("headline")), _line(texts.get("call_to_action"))
    paragraphs = "".join(f"<mj-text>{_markup(part)}</mj-text>" for part in body.split("\n") if part.strip())
    title = f'<mj-text font-size="24px">{_markup(headline)}</mj-text>' if headline else ""
    button = f'<mj-button href="{_markup(url)}">{_markup(action)}</mj-button>' if action and url.startswith("https://") else ""
    mjml = f"<mjml><mj-body><mj-section><mj-column>{title}{paragraphs}{button}</mj-column></mj-section></mj-body></mjml>"
    return {"subject": _bare(subject), "preheader": _bare(_line(texts.get("preheader"))), "mjml": mjml, "text": ""}


def _text(value: object) -> str:
    return value[:TEXT_CHARACTERS_MAX].strip() if isinstance(value, str) else ""


def _line(value: object) -> str:
    return " ".join(_text(value).split())


def _markup(text: str) -> str:
    return escape(text).replace("{", "&#123;").replace("}", "&#125;")


def _bare(text: str) -> str:
    return text.replace("{", "").replace("}", "")
