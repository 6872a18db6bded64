"""A text message, counted as networks of telephones count."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final

from pydantic import Field

from nexusone.modules.ai.domain.tasks.task import BriefedTask, Link, Output, Schema, shape, text

# The alphabet of GSM 03.38; those of the extension take two places.
BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED: Final = frozenset("^{}\\[~]|€\f")
# Languages whose letters are all in that alphabet.
BASIC_LANGUAGES: Final = frozenset({"en", "de", "it", "nl", "da", "sv", "nb", "nn", "no", "fi", "id", "ms", "sw"})


class Sms(BriefedTask):
    """What the message says; `parts_max` is how many messages it may be sent as."""

    name: ClassVar = "sms"
    title: ClassVar = "SMS"
    summary: ClassVar = "A text message that fits into as many parts as may be paid for."
    example: ClassVar[Schema] = {"brief": "Twenty percent off all lamps until Sunday.", "link": "https://shop.example/s", "parts_max": 1}

    link: Link | None = None
    parts_max: Annotated[int, Field(ge=1, le=4)] = 1

    def rules(self, locale: str) -> str:
        sign = "Use no emoji and no sign outside the alphabet of GSM 03.38." if _is_basic(locale) else "Use no emoji."
        link = "End with the material's link, unchanged." if self.link else "Name no address."
        return f"Write one text message of at most {self._most(locale)} characters: who writes, what is new, what to do. {sign} {link}"

    def output_schema(self, locale: str) -> Schema:
        return shape(sms_text=text(self._most(locale)))

    def faults(self, output: Output, *, locale: str) -> Iterator[str]:
        count = parts_of(str(output["sms_text"]))
        if count > self.parts_max:
            yield f"the message would be sent as {count} parts and may have {self.parts_max}; shorten it to {self._most(locale)} characters"

    def _most(self, locale: str) -> int:
        alone, together = (160, 153) if _is_basic(locale) else (70, 67)
        return alone if self.parts_max == 1 else together * self.parts_max


def parts_of(message: str) -> int:
    """As how many messages a text is sent."""
    if all(sign in BASIC or sign in EXTENDED for sign in message):
        length, alone, together = sum(2 if sign in EXTENDED else 1 for sign in message), 160, 153
    else:
        length, alone, together = len(message.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= alone else -(-length // together)


def _is_basic(locale: str) -> bool:
    return locale.partition("-")[0] in BASIC_LANGUAGES
