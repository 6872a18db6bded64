"""The wire of `POST /v1/chat/completions`: the completion, and the chunks it is streamed as."""

from collections.abc import Iterator

from nexusone.providers.openai.simulation.responses import Json, Told
from nexusone.providers.openai.simulation.tokens import split_for_stream


def completion_object(told: Told) -> Json:
    """The finished completion."""
    is_refusal = told.work.ending == "refusal"
    message: Json = {
        "role": "assistant",
        "content": None if is_refusal else told.work.text,
        "refusal": told.work.text if is_refusal else None,
        "annotations": [],
    }
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(told)}
    return {**_frame(told, kind="chat.completion"), "choices": [choice], "usage": _usage(told)}


def completion_chunks(told: Told, *, includes_usage: bool) -> Iterator[Json]:
    """The completion's chunks; with usage, every chunk has the field and one more chunk at the end fills it."""
    frame = _frame(told, kind="chat.completion.chunk")
    usage: Json = {"usage": None} if includes_usage else {}
    held = "refusal" if told.work.ending == "refusal" else "content"

    def chunk(delta: Json, finish_reason: str | None) -> Json:
        return {**frame, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}], **usage}

    yield chunk({"role": "assistant", "content": "", "refusal": None}, None)
    for piece in split_for_stream(told.work.text):
        yield chunk({held: piece}, None)
    yield chunk({}, _finish_reason(told))
    if includes_usage:
        yield {**frame, "choices": [], "usage": _usage(told)}


def _finish_reason(told: Told) -> str:
    return "stop" if told.work.ending == "refusal" else told.work.ending


def _frame(told: Told, *, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{told.id}",
        "object": kind,
        "created": told.at,
        "model": told.body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_sandbox",
    }


def _usage(told: Told) -> Json:
    return {
        "prompt_tokens": told.work.input_tokens,
        "completion_tokens": told.work.output_tokens,
        "total_tokens": told.work.input_tokens + told.work.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
