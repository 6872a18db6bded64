"""A post for a social network, one for each that is named."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import Field

from nexusone.modules.ai.domain.tasks.networks import HASHTAG_CHARACTERS_MAX, NETWORKS, Network, NetworkName, length_on
from nexusone.modules.ai.domain.tasks.task import BriefedTask, Link, Output, Schema, shape, some, text, texts_of

ROOM_FOR_HASHTAG = 24


class SocialPost(BriefedTask):
    """What the post says and where it stands; each network is written for by itself. `link` goes into the text."""

    name: ClassVar = "social_post"
    title: ClassVar = "Social post"
    summary: ClassVar = "A post for each network, in its length and manner, with hashtags."
    example: ClassVar[Schema] = {"brief": "Our new solar lamp is here.", "networks": ["x", "linkedin"]}
    unspoken: ClassVar = frozenset({"hashtags"})

    networks: Annotated[tuple[NetworkName, ...], Field(min_length=1, max_length=len(NETWORKS))]
    link: Link | None = None

    def parts(self) -> tuple[Self, ...]:
        return tuple(self.model_copy(update={"networks": (name,)}) for name in dict.fromkeys(self.networks))

    @property
    def part(self) -> str | None:
        return self.networks[0]

    def rules(self, locale: str) -> str:
        network = self._network
        link = "The material's link stands in the text, unchanged." if self.link else "Name no address."
        return (
            f"Write a post for {network.title}. Text and hashtags together have at most {network.characters_max} characters as "
            f"{network.title} counts. {network.style} At most {network.hashtags_max} hashtags, each a word after #, listed apart "
            f"from the text and not in it. {link}"
        )

    def output_schema(self, locale: str) -> Schema:
        network = self._network
        room = ROOM_FOR_HASHTAG * network.hashtags_max
        # Where signs weigh double, a language of such signs has half the room.
        most = (network.characters_max - room) // (2 if network.counting == "weighted" and _is_heavy(locale) else 1)
        return shape(post_text=text(most), hashtags=some(text(HASHTAG_CHARACTERS_MAX, 2), 0, network.hashtags_max, is_set=True))

    def faults(self, output: Output, *, locale: str) -> Iterator[str]:
        network, hashtags = self._network, texts_of(output["hashtags"])
        for hashtag in hashtags:
            if not hashtag.startswith("#") or len(hashtag.split()) != 1 or "#" in hashtag[1:]:
                yield f"{hashtag} is no hashtag: one word after #"
        length = length_on(network, " ".join((str(output["post_text"]), *hashtags)))
        if length > network.characters_max:
            yield f"text and hashtags have {length} characters on {network.title} and may have {network.characters_max}"

    @property
    def _network(self) -> Network:
        return NETWORKS[self.networks[0]]


def _is_heavy(locale: str) -> bool:
    return locale.partition("-")[0] in ("ja", "ko", "zh")
