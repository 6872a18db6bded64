"""What a request is about: product, brand, address, offer and the placeholders to keep."""

import re
from dataclasses import dataclass
from hashlib import sha256

from nexusone.providers.openai.simulation.language import ANY_NAME, wanted_language
from nexusone.providers.openai.simulation.phrases import phrases_of

DEFAULT_URL = "https://example.com/"
TOPIC_CHARACTERS_MAX = 60

PLACEHOLDER = re.compile(r"\{\{[^{}]{1,80}\}\}")
# Signs as JSON writes them in a text.
ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/]))")
URL = re.compile(r"https?://[^\s\"'<>()\]},;{]+")
PERCENT = re.compile(r"\b\d{1,2}\s?%")
QUOTED = re.compile(r"[“„«「『\"]([^“”„»«」』\"\n]{2,60})[”“»」』\"](?!\s*:)")

_TOPIC_LABELS = (
    "product|produkt|producto|produit|prodotto|produto|topic|thema|tema|sujet|argomento|onderwerp|temat|campaign|kampagne|campaña"
    "|campagne|campagna|campanha|kampania|商品|製品|テーマ|المنتج|الموضوع"
)
_BRAND_LABELS = (
    "brand|marke|marca|marque|merk|marka|company|unternehmen|firma|empresa|entreprise|azienda|bedrijf|ブランド|会社|العلامة التجارية|الشركة"
)
_VALUE = r"[\"'`]?(?:\s+name|name)?[\"'`]?\s*[:：=]\s*[\"'`“„«「]?([^\n\"”»」;|]{2,120})"
LABELLED_TOPIC = re.compile(rf"(?:^|[\s\"'{{,;(])(?:{_TOPIC_LABELS}){_VALUE}", re.IGNORECASE)
LABELLED_BRAND = re.compile(rf"(?:^|[\s\"'{{,;(])(?:{_BRAND_LABELS}){_VALUE}", re.IGNORECASE)

_ARTICLES = (
    "our|the|a|an|your|my|unser(?:e[nmrs]?)?|der|die|das|den|dem|ein(?:e[nmrs]?)?|el|la|los|las|un|una|nuestr[oa]s?|le|les|une|notre|nos"
    "|il|lo|gli|i|nostr[oaie]|il nostro|la nostra|o|os|as|um|uma|noss[oa]s?|de|het|een|onze|ons|nasz\\w*"
)
ABOUT = re.compile(
    rf"\b(?:about|announcing|promoting|launch of|über|zum thema|sobre|acerca de|sur|à propos de|riguardo a|su|sul|sulla|over|na temat|o)\s+"
    rf"(?:(?:{_ARTICLES})\s+)*([^.,;:!?\n()]{{3,80}})",
    re.IGNORECASE,
)
FOR = re.compile(rf"\b(?:for|für|para|pour|per|voor|dla)\s+(?:(?:{_ARTICLES})\s+)*([^.,;:!?\n()]{{3,80}})", re.IGNORECASE)
JAPANESE_ABOUT = re.compile(r"([^\s、。「」]{2,20}?)(?:について|に関する|のための)")
ARABIC_ABOUT = re.compile(r"\bعن\s+([^.،؛:\n]{3,40})")
PROPER = re.compile(r"(?<=[\w,;:] )[A-ZÀ-Ý][\w&'’-]+(?: [A-ZÀ-Ý0-9][\w&'’-]*)*")
BRAND_AFTER = re.compile(r"\b(?:by|from|at|von|bei|de|chez|par|di|da|van|bij|od|firmy)\s+([A-ZÀ-Ý][\w&'’-]+(?: [A-ZÀ-Ý0-9][\w&'’-]*)*)")
# Where a topic's words end and the rest of the sentence begins.
TOPIC_ENDS = re.compile(
    r"\s(?:in|into|for|to|with|and|from|by|at|that|which|who|on|using|mit|für|und|von|auf|an|bei|im|para|con|y|del|por|en|avec|et|pour"
    r"|de la|dans|per|e|com|em|voor|met|van|dla|oraz|z|w|الى|إلى|مع)\s.*$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Brief:
    """What to write. `seed` is a hash of the request, so that the same request gets the same words."""

    seed: str
    language: str
    topic: str
    brand: str
    url: str
    has_url: bool
    offer: str | None
    placeholders: tuple[str, ...]
    wish: str


def brief_of(*, instructions: str, prompt: str) -> Brief:
    """Reads a request."""
    asked = f"{instructions}\n{prompt}"
    language = wanted_language(instructions=instructions, prompt=prompt)
    fallback = phrases_of(language)
    url = URL.search(prompt) or URL.search(instructions)
    offer = PERCENT.search(prompt)
    plain = URL.sub(" ", PLACEHOLDER.sub(" ", prompt))
    return Brief(
        seed=sha256(asked.encode("utf-8", "replace")).hexdigest(),
        language=language,
        topic=_topic(plain) or _clean(_first(LABELLED_TOPIC, instructions)) or fallback["topic"][0],
        brand=_clean(_first(LABELLED_BRAND, plain) or _first(LABELLED_BRAND, instructions) or _brand(plain)) or fallback["brand"][0],
        url=url.group().rstrip(".,!?:") if url else DEFAULT_URL,
        has_url=url is not None,
        offer=offer.group() if offer else None,
        placeholders=tuple(dict.fromkeys(ESCAPED.sub(_unescaped, held) for held in PLACEHOLDER.findall(asked))),
        wish=asked,
    )


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found.group(1), 16)) if found.group(1) else found.group(2)


def _topic(prompt: str) -> str:
    for pattern in (LABELLED_TOPIC, QUOTED, ABOUT, JAPANESE_ABOUT, ARABIC_ABOUT, FOR):
        found = _clean(_first(pattern, prompt))
        if found:
            return found
    proper = [name for name in PROPER.findall(prompt) if not re.fullmatch(ANY_NAME, name, re.IGNORECASE)]
    return _clean(proper[0]) if proper else ""


def _brand(prompt: str) -> str | None:
    names: list[str] = BRAND_AFTER.findall(prompt)
    return next((name for name in names if not re.fullmatch(ANY_NAME, name, re.IGNORECASE)), None)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found.group(1) if found else None


def _clean(found: str | None) -> str:
    """The words that name a thing: no markup, no end of the sentence after it."""
    if found is None:
        return ""
    words = re.sub(r"[<>{}\[\]*_`]", " ", found.split("\n")[0])
    words = TOPIC_ENDS.sub("", re.split(r"[,.;!?](?:\s|$)", words)[0])
    return " ".join(words.split())[:TOPIC_CHARACTERS_MAX].strip(" \"'“”„:-")
