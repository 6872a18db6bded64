"""What a request asks for: read as strictly as the vendor's contract, and as each model understands its inputs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nexusone.providers.replicate.catalog import Inputs, ListedModel
from nexusone.providers.replicate.simulation.refusals import invalid

EVENTS = ("start", "output", "logs", "completed")
DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s?)?\Z")
DEADLINE_SECONDS_MIN = 5


class PredictionRequest(BaseModel):
    """The body of a request for a prediction."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    input: Mapping[str, Any]
    webhook: str | None = Field(default=None, pattern=r"^https?://")
    webhook_events_filter: list[str] = Field(default=list(EVENTS))
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be drawn."""

    prompt: str
    width: int
    height: int
    media_type: str
    count: int
    seed: int | None


def read_request(raw: bytes) -> PredictionRequest:
    """Raises: VendorError."""
    try:
        request = PredictionRequest.model_validate_json(raw)
    except ValidationError as error:
        raise invalid("; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())) from error
    if not set(request.webhook_events_filter) <= set(EVENTS):
        raise invalid("webhook_events_filter: unknown event")
    return request


def read_order(listed: ListedModel, inputs: Mapping[str, Any]) -> Order:
    """What a model makes of its inputs; names it does not know are ignored. Raises: VendorError."""
    prompt = inputs.get("prompt")
    if not isinstance(prompt, str):
        raise invalid("- input: prompt is required")
    count = inputs.get(listed.count_input, 1) if listed.count_input else 1
    if not isinstance(count, int) or not 1 <= count <= listed.images_max:
        raise invalid(f"- input.{listed.count_input}: Must be between 1 and {listed.images_max}")
    width, height = _chosen(listed.sizes, inputs).split("x")
    seed = inputs.get(listed.seed_input) if listed.seed_input else None
    return Order(
        prompt=prompt,
        width=int(width),
        height=int(height),
        media_type=_chosen(listed.formats, inputs),
        count=count,
        seed=seed if isinstance(seed, int) else None,
    )


def deadline_seconds(text: str) -> int:
    """A duration such as `90s`, `5m`, `1h30m45s` or `30`. Raises: VendorError."""
    found = DURATION.match(text)
    if not text or found is None:
        raise invalid("Cancel-After: not a duration")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total < DEADLINE_SECONDS_MIN:
        raise invalid(f"Cancel-After: must be at least {DEADLINE_SECONDS_MIN} seconds")
    return total


def _chosen(choices: Mapping[str, Inputs], inputs: Mapping[str, Any]) -> str:
    """The choice whose inputs these are; the first where none of their names is given."""
    names = {name for choice in choices.values() for name in choice}
    given = {name: inputs[name] for name in names if name in inputs}
    if not given:
        return next(iter(choices))
    for choice, wanted in choices.items():
        if dict(wanted) == given:
            return choice
    raise invalid(f"- input: {', '.join(sorted(given))} must be one of the allowed values")
