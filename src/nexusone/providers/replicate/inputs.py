"""What a model is told, in its own words, and the mark by which a request is found again."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.ports.media import ImageRequest
from nexusone.providers.replicate.catalog import ListedModel

# No model has an input of this name. The vendor drops inputs that a model does not know before it runs, and gives back those that were
# sent: from its public repositories, not checked against its contract.
MARK = "nexusone_correlation"


def inputs_of(listed: ListedModel, request: ImageRequest, *, correlation: str) -> dict[str, Any]:
    """The prediction's `input`. Raises: DefiniteFailure `vendor.not_supported` for what the model cannot be told."""
    size = listed.sizes.get(f"{request.width}x{request.height}")
    if size is None:
        raise _not_supported(f"{listed.name} does not draw {request.width}x{request.height}")
    told = listed.formats.get(request.media_type)
    if told is None:
        raise _not_supported(f"{listed.name} does not make {request.media_type}")
    if not 1 <= request.count <= listed.images_max:
        raise _not_supported(f"{listed.name} makes at most {listed.images_max} at once")
    inputs: dict[str, Any] = {"prompt": request.prompt, **listed.extra_inputs, **size, **told, MARK: correlation}
    if listed.count_input is not None:
        inputs[listed.count_input] = request.count
    if request.seed is not None and listed.seed_input is not None:
        inputs[listed.seed_input] = request.seed
    if request.negative_prompt:
        if listed.negative_prompt_input is None:
            raise _not_supported(f"{listed.name} cannot be told what not to draw")
        inputs[listed.negative_prompt_input] = request.negative_prompt
    return inputs


def marked_address(webhook: str, *, correlation: str) -> str:
    """The webhook's address with the mark in its query, where the vendor's documentation says that ids of one's own belong."""
    parts = urlsplit(webhook)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode({MARK: correlation}))))))


def marks_of(prediction: Mapping[str, Any]) -> frozenset[str]:
    """The marks a prediction carries, in its inputs or in its webhook's address; empty where neither was given back."""
    inputs, webhook = prediction.get("input"), prediction.get("webhook")
    found = {inputs[MARK]} if isinstance(inputs, dict) and isinstance(inputs.get(MARK), str) else set()
    if isinstance(webhook, str):
        found |= {value for name, value in parse_qsl(webhook.partition("?")[2]) if name == MARK}
    return frozenset(found)


def _not_supported(detail: str) -> DefiniteFailure:
    return DefiniteFailure(code="vendor.not_supported", detail=detail, is_retryable=False)
