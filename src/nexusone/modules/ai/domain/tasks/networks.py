"""What social networks and advertising platforms take: lengths, how they count, style. Data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from nexusone.modules.ai.domain.tasks.checking import ADDRESS

Counting = Literal["characters", "weighted", "utf16"]
NetworkName = Literal[
    "x",
    "bluesky",
    "mastodon",
    "threads",
    "facebook",
    "instagram",
    "linkedin",
    "tiktok",
    "pinterest",
    "telegram",
    "youtube",
    "google_business",
    "reddit",
    "whatsapp",
]
PlatformName = Literal["google_search", "google_display", "meta", "linkedin", "tiktok", "microsoft"]

# Signs that count once where a network weighs them; all others count twice.
LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
HASHTAG_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True)
class Network:
    """How long a post may be, how that is counted, and how people write there. An address counts `address_characters`, if said."""

    title: str
    characters_max: int
    style: str
    hashtags_max: int
    counting: Counting = "characters"
    address_characters: int | None = None


NETWORKS: Final[Mapping[NetworkName, Network]] = {
    "x": Network("X", 280, "One idea, said at once; no filler before it.", 2, "weighted", 23),
    "bluesky": Network("Bluesky", 300, "Conversational and dry; no advertising tone.", 2),
    "mastodon": Network("Mastodon", 500, "Say who speaks and why; hashtags in CamelCase.", 4, address_characters=23),
    "threads": Network("Threads", 500, "Like one person to another; end with a thought or a question.", 1),
    "facebook": Network("Facebook", 5_000, "Two or three short paragraphs; the point in the first line.", 3),
    "instagram": Network("Instagram", 2_200, "A first line that holds by itself, then short lines; hashtags at the end.", 10, "utf16"),
    "linkedin": Network("LinkedIn", 3_000, "Matter-of-fact and concrete; short paragraphs, one conclusion.", 5, "utf16"),
    "tiktok": Network("TikTok", 2_200, "A caption for a film: spoken language, one sentence or two.", 5, "utf16"),
    "pinterest": Network("Pinterest", 500, "What it is, for what occasion, in words that people search for.", 5),
    "telegram": Network("Telegram", 4_096, "A message from a channel: the news first, then the details.", 3, "utf16"),
    "youtube": Network("YouTube", 5_000, "A description of a film: two lines that say what it shows, then the details.", 5),
    "google_business": Network("Google Business Profile", 1_500, "Local and useful: what, where, when; no hashtags.", 0),
    "reddit": Network("Reddit", 10_000, "Honest and informative; no advertising tone, no hashtags.", 0),
    "whatsapp": Network("WhatsApp", 1_024, "Short and personal, as to somebody who asked to hear of it.", 0),
}


@dataclass(frozen=True, slots=True)
class Platform:
    """The pieces of an advertisement: how many, and how long each may be (count least, count most, characters)."""

    title: str
    headlines: tuple[int, int, int]
    descriptions: tuple[int, int, int]
    introductions: tuple[int, int, int] | None = None


PLATFORMS: Final[Mapping[PlatformName, Platform]] = {
    "google_search": Platform("Google Search", (3, 15, 30), (2, 4, 90)),
    "google_display": Platform("Google Display", (1, 5, 30), (1, 5, 90), (1, 1, 90)),
    "meta": Platform("Meta", (1, 5, 40), (1, 5, 30), (1, 5, 125)),
    "linkedin": Platform("LinkedIn", (1, 3, 70), (1, 3, 100), (1, 3, 150)),
    "tiktok": Platform("TikTok", (1, 3, 40), (1, 3, 100), (1, 5, 100)),
    "microsoft": Platform("Microsoft Search", (3, 15, 30), (2, 4, 90)),
}


def length_on(network: Network, text: str) -> int:
    """How long a post is as the network counts."""
    addresses = ADDRESS.findall(text) if network.address_characters is not None else []
    rest = ADDRESS.sub("", text) if addresses else text
    return _length(network.counting, rest) + len(addresses) * (network.address_characters or 0)


def _length(counting: Counting, text: str) -> int:
    if counting == "utf16":
        return len(text.encode("utf-16-le")) // 2
    if counting == "weighted":
        return sum(1 if any(low <= ord(sign) <= high for low, high in LIGHT) else 2 for sign in text)
    return len(text)
