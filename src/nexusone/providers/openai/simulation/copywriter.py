"""Writes marketing copy for a brief: the same words for the same brief, other words for another."""

import re
from collections.abc import Callable
from hashlib import sha256
from html import escape

from nexusone.providers.openai.simulation.brief import Brief
from nexusone.providers.openai.simulation.phrases import phrases_of

RTL = frozenset({"ar"})
LIST_LENGTH_MAX = 20

SUBJECT_WISH = re.compile(r"subject|betreff|asunto|objet du|oggetto|assunto|onderwerpregel|temat wiadomo|件名|سطر الموضوع", re.IGNORECASE)
BODY_WISH = re.compile(
    r"\b(body|newsletter|e-?mail text|mailing|e-?mail (?:about|for|to|in))\b|\b(?:write|draft) an? (?:\w+ )?e-?mail\b(?!.{0,3}subject)",
    re.IGNORECASE,
)
SMS_WISH = re.compile(r"\b(sms|text message|push notification|whatsapp)\b", re.IGNORECASE)
SOCIAL_WISH = re.compile(r"\b(tweet|instagram|facebook|linkedin|tiktok|mastodon|bluesky|social (?:media )?post|caption)\b", re.IGNORECASE)
HEADLINE_WISH = re.compile(r"\b(headlines?|titles?|überschrift(?:en)?|slogans?|taglines?|titular(?:es)?|titres?)\b", re.IGNORECASE)
NUMBER = re.compile(
    r"\b(\d{1,2})\s+(?:\w+\s+){0,2}(?:subject|betreff|headline|title|überschrift|slogan|tagline|asunto|titre)", re.IGNORECASE
)


class Copywriter:
    """Says the kinds of things marketing says, in the brief's language; `variant` gives another wording of the same kind."""

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self._phrases = phrases_of(brief.language)
        self._names = [held for held in brief.placeholders if "name" in held.lower()]

    def say(self, kind: str, *, variant: int = 0) -> str:
        """One phrase of a kind, filled."""
        phrases = self._phrases[kind]
        start = int(sha256(f"{self.brief.seed}/{kind}".encode()).hexdigest()[:8], 16)
        phrase = phrases[(start + variant) % len(phrases)]
        said = phrase.format(
            topic=self.brief.topic,
            brand=self.brief.brand,
            url=self.brief.url,
            offer=self.brief.offer or "10 %",
            name=self._names[0] if self._names else "",
            placeholders=", ".join(held for held in self.brief.placeholders if held not in self._names[:1]),
        )
        # "something new is here" begins a sentence; "iPhone" keeps its own spelling.
        begins_lower = phrase.startswith(("{topic}", "{brand}")) and said.split(" ")[0].islower()
        return said[:1].upper() + said[1:] if begins_lower else said

    def text(self) -> str:
        """The answer to a request without a schema, by what it seems to ask for."""
        wish = self.brief.wish
        if re.search(r"\bmjml\b", wish, re.IGNORECASE):
            return self.mjml()
        if SUBJECT_WISH.search(wish) and not BODY_WISH.search(wish):
            return self._list("subject")
        if SMS_WISH.search(wish):
            return self.sms()
        if SOCIAL_WISH.search(wish):
            return self.social_post()
        if HEADLINE_WISH.search(wish) and not BODY_WISH.search(wish):
            return self._list("headline")
        return self.body()

    def greeting(self) -> str:
        """Opens a letter, with the name's placeholder where there is one."""
        return self.say("greeting_by_name" if self._names else "greeting")

    def paragraphs(self, *, variant: int = 0) -> list[str]:
        """A letter between greeting and sign-off."""
        written = [
            self._joined(self.say("opening", variant=variant), self.say("benefit", variant=variant)),
            self._joined(self.say("benefit", variant=variant + 1), self.say("benefit", variant=variant + 2)),
        ]
        if self.brief.offer:
            written.append(self.say("offer", variant=variant))
        if len(self.brief.placeholders) > len(self._names[:1]):
            written.append(self.say("details"))
        written.append(self.say("closing", variant=variant))
        return written

    def body(self, *, variant: int = 0) -> str:
        """A whole letter as plain text."""
        action = [f"{self.say('cta')}: {self.brief.url}"] if self.brief.has_url else []
        return "\n\n".join([self.greeting(), *self.paragraphs(variant=variant), *action, self.say("signoff")])

    def paragraph(self, *, variant: int = 0) -> str:
        """Two sentences."""
        return self._joined(self.say("opening", variant=variant), self.say("benefit", variant=variant))

    def sms(self, *, variant: int = 0) -> str:
        """One short line, with the address where the brief has one."""
        return self.say("sms" if self.brief.has_url else "caption", variant=variant)

    def social_post(self, *, variant: int = 0) -> str:
        """A caption and two hashtags."""
        return f"{self.caption(variant=variant)} {self.hashtag(variant=0)} {self.hashtag(variant=1)}"

    def caption(self, *, variant: int = 0) -> str:
        """A sentence for a picture, with the address where the brief has one."""
        link = f" {self.brief.url}" if self.brief.has_url else ""
        return f"{self.say('caption', variant=variant)}{link}"

    def hashtag(self, *, variant: int = 0) -> str:
        """One hashtag; the first is the topic's."""
        word = self.brief.topic if variant == 0 else self.say("keyword", variant=variant)
        return "#" + re.sub(r"\W+", "", word)

    def html(self, *, variant: int = 0) -> str:
        """The letter as a fragment of HTML."""
        lines = [f"<h1>{escape(self.say('headline', variant=variant), quote=False)}</h1>", f"<p>{_marked(self.greeting())}</p>"]
        lines += [f"<p>{_marked(paragraph)}</p>" for paragraph in self.paragraphs(variant=variant)]
        lines.append(f'<p><a href="{escape(self.brief.url)}">{_marked(self.say("cta"))}</a></p>')
        return "\n".join(lines)

    def mjml(self, *, variant: int = 0) -> str:
        """The letter as MJML: preview, headline, paragraphs, a button to the brief's address."""
        is_rtl = self.brief.language in RTL
        side, direction = ("right", ' dir="rtl"') if is_rtl else ("left", "")
        texts = "".join(
            f'<mj-text align="{side}" font-size="16px" line-height="24px">{_marked(written)}</mj-text>'
            for written in (self.greeting(), *self.paragraphs(variant=variant))
        )
        return (
            f'<mjml lang="{self.brief.language}"{direction}><mj-head><mj-preview>{_marked(self.say("preheader"))}</mj-preview></mj-head>'
            f'<mj-body><mj-section><mj-column><mj-text align="{side}" font-size="28px" font-weight="700" line-height="34px">'
            f"{_marked(self.say('headline', variant=variant))}</mj-text>{texts}"
            f'<mj-button href="{escape(self.brief.url)}" background-color="#1f4fd8">{_marked(self.say("cta"))}</mj-button>'
            f'<mj-text align="{side}">{_marked(self.say("signoff"))}</mj-text></mj-column></mj-section></mj-body></mjml>'
        )

    def _joined(self, *sentences: str) -> str:
        return ("" if self.brief.language == "ja" else " ").join(sentences)

    def _list(self, kind: str) -> str:
        wanted = NUMBER.search(self.brief.wish)
        count = min(int(wanted.group(1)), LIST_LENGTH_MAX) if wanted else 1
        if count <= 1:
            return self.say(kind)
        return "\n".join(f"{index + 1}. {self.say(kind, variant=index)}" for index in range(count))


def _marked(text: str) -> str:
    return escape(text, quote=False)


Saying = Callable[[Copywriter, int], str]

# What a property is likely to want, by its name; the first match counts.
PROPERTIES: tuple[tuple[re.Pattern[str], Saying], ...] = tuple(
    (re.compile(pattern), saying)
    for pattern, saying in (
        (r"mjml", lambda writer, variant: writer.mjml(variant=variant)),
        (r"html", lambda writer, variant: writer.html(variant=variant)),
        (r"preheader|preview", lambda writer, variant: writer.say("preheader", variant=variant)),
        (r"subject|betreff", lambda writer, variant: writer.say("subject", variant=variant)),
        (r"url|link|href|website", lambda writer, _: writer.brief.url),
        (r"cta|button|call_to_action", lambda writer, variant: writer.say("cta", variant=variant)),
        (r"headline|title|heading|slogan|tagline", lambda writer, variant: writer.say("headline", variant=variant)),
        (r"hashtag", lambda writer, variant: writer.hashtag(variant=variant)),
        (r"^post_text$", lambda writer, variant: writer.caption(variant=variant)),
        (r"^attribute$", lambda _writer, _variant: "locale"),
        (r"^value$", lambda writer, _: writer.brief.language),
        (r"caption|social|post|tweet", lambda writer, variant: writer.social_post(variant=variant)),
        (r"sms|push|notification", lambda writer, variant: writer.sms(variant=variant)),
        (r"greeting|salutation", lambda writer, _: writer.greeting()),
        (r"sign_?off|signature", lambda writer, variant: writer.say("signoff", variant=variant)),
        (r"closing|outro|postscript", lambda writer, variant: writer.say("closing", variant=variant)),
        (r"intro|opening|hook", lambda writer, variant: writer.say("opening", variant=variant)),
        (r"offer|discount|promo", lambda writer, variant: writer.say("offer", variant=variant)),
        (r"(^|_)alt|(^|_)prompt|image|photo|picture|visual", lambda writer, variant: writer.say("image", variant=variant)),
        (r"audience|segment|persona", lambda writer, variant: writer.say("audience", variant=variant)),
        (r"tone|voice|style|mood", lambda writer, variant: writer.say("tone", variant=variant)),
        (r"reason|rationale|explan|analysis|comment", lambda writer, variant: writer.say("reason", variant=variant)),
        (r"keyword|tag", lambda writer, variant: writer.say("keyword", variant=variant)),
        (r"language|locale", lambda writer, _: writer.brief.language),
        (r"brand|company|sender", lambda writer, _: writer.brief.brand),
        (r"product|topic|name", lambda writer, _: writer.brief.topic),
        (r"body|text|content|copy|message|plain|letter|e?mail", lambda writer, variant: writer.body(variant=variant)),
        (r"description|summary|paragraph|about", lambda writer, variant: writer.paragraph(variant=variant)),
    )
)


def text_for_property(writer: Copywriter, *, name: str, variant: int) -> str:
    """What a string property of that name would say; a sentence of praise where the name says nothing."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", name).lower()
    for pattern, saying in PROPERTIES:
        if pattern.search(snake):
            return saying(writer, variant)
    return writer.say("benefit", variant=variant)
