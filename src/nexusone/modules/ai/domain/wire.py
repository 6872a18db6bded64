"""Requests of the wire, read for what they may cost: which model, how much at the most, and what of them we cannot answer for.

Everything else in a body goes through unread. Refused is what costs besides tokens and pictures (tools that the vendor runs,
sound, dearer service tiers), and what reaches for things that a vendor keeps for the whole house (stored answers, conversations, files).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from nexusone.modules.ai.domain.planning import QUALITY_DEFAULT
from nexusone.modules.ai.domain.tariff import FRAMING_TOKENS, Usage, priced_units
from nexusone.modules.ai.ports.models import Kind, ModelCard
from nexusone.modules.ai.ports.passage import Operation

Body = Mapping[str, JsonValue]

KINDS: Mapping[Operation, Kind] = {"chat": "text", "responses": "text", "embeddings": "embedding", "images": "image"}
LIMITS: Mapping[Operation, tuple[str, ...]] = {"chat": ("max_completion_tokens", "max_tokens"), "responses": ("max_output_tokens",)}
ASKED: Mapping[Operation, str] = {"chat": "messages", "responses": "input", "embeddings": "input", "images": "prompt"}
OWN_TOOLS = frozenset({"function", "custom"})
TIERS = frozenset({"auto", "default", "flex"})
# More than any model makes of one picture; one that stands in the body as bytes has more bytes than tokens anyhow.
PICTURE_TOKENS_MAX = 50_000
PICTURES = frozenset({"image_url", "input_image"})
CHOICES_MAX = 128
SIZE_DEFAULT = "1024x1024"
DEPTH_MAX = 40
FORMS = (None, "b64_json", "url")
# Parameters by operation, and by which value they are harmless.
HOUSE_WIDE: Mapping[Operation, tuple[str, ...]] = {
    "chat": ("web_search_options", "audio"),
    "responses": ("previous_response_id", "conversation", "prompt"),
}
REFERENCES = frozenset({"file_id", "file_url", "vector_store_ids", "container"})
SOUND = frozenset({"input_audio", "audio"})


class WireFault(ValueError):
    """A request that is not passed on: which `param` of it, a `reason` that stays the same, and why in a sentence."""

    def __init__(self, *, param: str, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.param, self.reason, self.detail = param, reason, detail


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that can be passed on, but for the model's name: the `body` as it goes out, and the most of everything it uses."""

    operation: Operation
    body: Body
    bound: Usage
    output_tokens_max: int = 0
    traits: Mapping[str, str] = field(default_factory=dict)
    is_stream: bool = False
    tells_usage: bool = False
    wants_links: bool = False

    @property
    def kind(self) -> Kind:
        """What it makes."""
        return KINDS[self.operation]

    def body_for(self, card: ModelCard) -> dict[str, JsonValue]:
        """The body for one model."""
        return {**self.body, "model": card.name}

    def bound_for(self, card: ModelCard) -> Usage:
        """The most of what that model's prices count."""
        units = priced_units(card.prices, self.traits)
        return Usage(**{f"{unit}s": self.bound.of(unit) for unit in units})

    def fits(self, card: ModelCard) -> bool:
        """Whether a model has a price for all of it, and can do as much."""
        wanted = {"image": {"image"}, "text": {"input_token", "output_token"}, "embedding": {"input_token"}}[self.kind]
        is_enough = self.output_tokens_max <= card.output_tokens_max if self.kind == "text" else True
        return card.kind == self.kind and is_enough and wanted <= priced_units(card.prices, self.traits)


def wish_of(operation: Operation, body: Body, *, card: ModelCard, size_bytes: int, tokens_default: int) -> Wish:
    """Reads a body of `size_bytes` bytes.

    Raises:
        WireFault: it cannot be passed on.
    """
    asked = body.get(ASKED[operation])
    if asked is None or asked in ("", []):
        raise WireFault(param=ASKED[operation], reason="missing_required_parameter", detail=f"'{ASKED[operation]}' is required")
    _refuse_house_wide(operation, body)
    is_stream = _flag(body, "stream")
    # A token is at least one byte.
    tokens = size_bytes + FRAMING_TOKENS + PICTURE_TOKENS_MAX * _pictures(asked)
    wish = Wish(operation=operation, body=body, bound=Usage(input_tokens=tokens), is_stream=is_stream)
    if operation == "images":
        return _drawing(wish, card)
    if operation == "embeddings":
        if is_stream:
            raise WireFault(param="stream", reason="unsupported_value", detail="vectors are not streamed")
        return wish
    return _writing(wish, card, tokens_default=tokens_default)


def texts_of(operation: Operation, body: Body) -> tuple[str, ...]:
    """What a body says in words."""
    said = [body.get("instructions"), body.get(ASKED[operation])]
    return tuple(text for part in said for text in _texts(part))


def _writing(wish: Wish, card: ModelCard, *, tokens_default: int) -> Wish:
    names, body = LIMITS[wish.operation], dict(wish.body)
    given = [(name, _count(body, name)) for name in names if body.get(name) is not None]
    limit = max((count for _, count in given), default=min(tokens_default, card.output_tokens_max))
    if limit > card.output_tokens_max:
        detail = f"{card.name} writes at most {card.output_tokens_max} tokens"
        raise WireFault(param=given[0][0], reason="integer_above_max_value", detail=detail)
    if not given:
        # What was not bounded could cost anything; the bound that is held for is told to the model.
        body[names[0]] = limit
    choices = _count(body, "n", most=CHOICES_MAX) if wish.operation == "chat" and body.get("n") is not None else 1
    if wish.operation == "responses":
        body["store"] = False
    options = body.get("stream_options")
    # What is predicted and not used is charged as if it were written.
    predicted = wish.bound.input_tokens if body.get("prediction") else 0
    return replace(
        wish,
        body=body,
        bound=replace(wish.bound, output_tokens=limit * choices + predicted),
        output_tokens_max=limit,
        tells_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _drawing(wish: Wish, card: ModelCard) -> Wish:
    if wish.is_stream or wish.body.get("partial_images"):
        raise WireFault(param="stream", reason="unsupported_value", detail="pictures are not streamed: those on the way have no price")
    body = dict(wish.body)
    # How pictures come to the client is ours to do, and not every vendor takes the parameter.
    form = body.pop("response_format", None)
    if form not in FORMS:
        raise WireFault(param="response_format", reason="invalid_value", detail="'response_format' is 'b64_json' or 'url'")
    size, quality = body.get("size") or "auto", body.get("quality") or "auto"
    # "auto" would leave the price to the vendor.
    sizes = card.sizes or (SIZE_DEFAULT,)
    body["size"] = size = (SIZE_DEFAULT if SIZE_DEFAULT in sizes else sizes[0]) if size == "auto" else size
    body["quality"] = quality = QUALITY_DEFAULT if quality == "auto" else quality
    traits = {"size": str(size), "quality": str(quality)}
    if "image" not in priced_units(card.prices, traits):
        detail = f"{card.name} draws {', '.join(sizes)}, and has a price for those alone"
        raise WireFault(param="size" if size not in sizes else "quality", reason="invalid_value", detail=detail)
    count = _count(body, "n", most=card.images_max) if body.get("n") is not None else 1
    return replace(wish, body=body, bound=replace(wish.bound, images=count), traits=traits, wants_links=form == "url")


def _refuse_house_wide(operation: Operation, body: Body) -> None:
    for name in HOUSE_WIDE.get(operation, ()):
        if body.get(name) is not None:
            raise _unsupported(name)
    if operation in ("embeddings", "images"):
        return
    for name in ("store", "background"):
        if body.get(name):
            raise _unsupported(name)
    if body.get("service_tier") not in (None, *TIERS):
        raise _unsupported("service_tier")
    modalities = body.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        raise _unsupported("modalities")
    tools = body.get("tools") or []
    for number, tool in enumerate(tools if isinstance(tools, list) else []):
        if not isinstance(tool, dict) or tool.get("type") not in OWN_TOOLS:
            raise _unsupported(f"tools[{number}]")
    for part in _parts(body.get(ASKED[operation])):
        if part.get("type") in SOUND or part.get("type") == "item_reference":
            raise _unsupported(f"{ASKED[operation]}: {part['type']}")
        if held := [name for name in REFERENCES if _reference(part, name)]:
            raise _unsupported(f"{ASKED[operation]}: {held[0]}")


def _reference(part: Mapping[str, JsonValue], name: str) -> bool:
    file = part.get("file")
    return part.get("type") != "function_call" and bool(part.get(name) or (isinstance(file, dict) and file.get(name)))


def _unsupported(param: str) -> WireFault:
    detail = f"'{param}' is not passed on: it costs what has no price here, or reaches what is kept for others too"
    return WireFault(param=param, reason="unsupported_parameter", detail=detail)


def _flag(body: Body, name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise WireFault(param=name, reason="invalid_type", detail=f"'{name}' is true or false")
    return bool(value)


def _count(body: Body, name: str, *, most: int | None = None) -> int:
    value = body[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise WireFault(param=name, reason="invalid_type", detail=f"'{name}' is a whole number")
    if value < 1 or (most is not None and value > most):
        bounds = "at least 1" if most is None else f"from 1 to {most}"
        raise WireFault(param=name, reason="invalid_value", detail=f"'{name}' is {bounds}")
    return value


def _pictures(asked: JsonValue) -> int:
    return sum(1 for part in _parts(asked) if part.get("type") in PICTURES)


def _parts(value: JsonValue, depth: int = 0) -> Iterator[Mapping[str, JsonValue]]:
    """Every object of what was asked, however deep it stands."""
    if depth > DEPTH_MAX:
        raise WireFault(param="", reason="invalid_value", detail=f"the request is deeper than {DEPTH_MAX} levels")
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _parts(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner, depth + 1)


def _texts(value: JsonValue) -> Sequence[str]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        return ()
    found: list[str] = []
    for item in value:
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            found.extend(_texts(item.get("content") or item.get("text") or item.get("output")))
    return found
