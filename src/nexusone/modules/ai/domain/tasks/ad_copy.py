"""The words of an advertisement, within what its platform takes."""

from collections.abc import Iterator
from typing import ClassVar

from nexusone.modules.ai.domain.tasks.networks import PLATFORMS, Platform, PlatformName
from nexusone.modules.ai.domain.tasks.task import BriefedTask, Output, Schema, shape, some, strings_in, text


class AdCopy(BriefedTask):
    """What is advertised, and where."""

    name: ClassVar = "ad_copy"
    title: ClassVar = "Ad copy"
    summary: ClassVar = "Headlines and texts in the numbers and lengths of a platform."
    example: ClassVar[Schema] = {"brief": "Solar lamps for balconies.", "platform": "google_search"}

    platform: PlatformName

    def rules(self, locale: str) -> str:
        return (
            f"Write an advertisement for {self._platform.title}. Every piece stands by itself, since the platform puts them together; "
            "each is one line and keeps to its length. Say something else in each. No capitals for emphasis, at most one exclamation mark."
        )

    def output_schema(self, locale: str) -> Schema:
        found = self._platform
        pieces = {"headlines": _pieces(found.headlines), "descriptions": _pieces(found.descriptions)}
        return shape(**pieces) if found.introductions is None else shape(**pieces, introductions=_pieces(found.introductions))

    def faults(self, output: Output, *, locale: str) -> Iterator[str]:
        if any("\n" in piece for piece in strings_in(dict(output))):
            yield "every piece is one line"

    @property
    def _platform(self) -> Platform:
        return PLATFORMS[self.platform]


def _pieces(bounds: tuple[int, int, int]) -> Schema:
    least, most, characters = bounds
    return some(text(characters), least, most, is_set=True)
