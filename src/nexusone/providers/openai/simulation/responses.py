"""The wire of `POST /v1/responses`: the response object, and the events it is streamed as."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nexusone.providers.openai.simulation.answering import Work
from nexusone.providers.openai.simulation.tokens import split_for_stream

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer is made of: the request as it came, the work, its id (hexadecimal) and its second."""

    body: Mapping[str, object]
    work: Work
    id: str
    at: int


def response_object(told: Told) -> Json:
    """The finished answer."""
    is_cut = told.work.ending in ("length", "content_filter")
    reason = "max_output_tokens" if told.work.ending == "length" else "content_filter"
    return {
        **_frame(told, status="incomplete" if is_cut else "completed"),
        "completed_at": None if is_cut else told.at,
        "incomplete_details": {"reason": reason} if is_cut else None,
        "output": [_message(told, status="incomplete" if is_cut else "completed", content=[_part(told)])],
        "usage": {
            "input_tokens": told.work.input_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": told.work.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": told.work.input_tokens + told.work.output_tokens,
        },
    }


def response_events(told: Told, *, fails: bool = False) -> Iterator[Json]:
    """The answer's events in order, numbered; where it `fails`, half-way."""
    for number, event in enumerate(_events(told, fails=fails)):
        yield {**event, "sequence_number": number}


def _events(told: Told, *, fails: bool) -> Iterator[Json]:
    is_refusal = told.work.ending == "refusal"
    kind, held = ("refusal", "refusal") if is_refusal else ("output_text", "text")
    place: Json = {"item_id": f"msg_{told.id}", "output_index": 0, "content_index": 0}
    extra: Json = {} if is_refusal else {"logprobs": []}
    started = _frame(told, status="in_progress")
    yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}
    yield {"type": "response.output_item.added", "output_index": 0, "item": _message(told, status="in_progress", content=[])}
    yield {"type": "response.content_part.added", **place, "part": _part(told, text="")}
    pieces = split_for_stream(told.work.text)
    for piece in pieces[: len(pieces) // 2 if fails else None]:
        yield {"type": f"response.{kind}.delta", **place, "delta": piece, **extra}
    if fails:
        error = {"code": "server_error", "message": "The server had an error while processing your request."}
        yield {"type": "response.failed", "response": {**_frame(told, status="failed"), "error": error}}
        return
    finished = response_object(told)
    yield {"type": f"response.{kind}.done", **place, held: told.work.text, **extra}
    yield {"type": "response.content_part.done", **place, "part": _part(told)}
    status = "completed" if finished["status"] == "completed" else "incomplete"
    yield {"type": "response.output_item.done", "output_index": 0, "item": _message(told, status=status, content=[_part(told)])}
    yield {"type": f"response.{status}", "response": finished}


def _frame(told: Told, *, status: str) -> Json:
    body = told.body
    text, reasoning = _mapping(body.get("text")), _mapping(body.get("reasoning"))
    frame: Json = {
        "id": f"resp_{told.id}",
        "object": "response",
        "created_at": told.at,
        "status": status,
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": None,
        "model": body["model"],
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort", "medium"), "summary": None},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": text.get("format", {"type": "text"}), "verbosity": text.get("verbosity", "medium")},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "metadata": body.get("metadata") or {},
    }
    return {**frame, "user": body["user"]} if body.get("user") is not None else frame


def _message(told: Told, *, status: str, content: list[Json]) -> Json:
    return {"id": f"msg_{told.id}", "type": "message", "status": status, "role": "assistant", "content": content}


def _part(told: Told, *, text: str | None = None) -> Json:
    said = told.work.text if text is None else text
    if told.work.ending == "refusal":
        return {"type": "refusal", "refusal": said}
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
