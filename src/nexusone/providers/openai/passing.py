"""What answers of this wire say of themselves: what was written, what it took, how it ended."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from math import ceil

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import MediaFile
from nexusone.modules.ai.ports.models import Unit
from nexusone.modules.ai.ports.passage import Operation, WireAnswer, WireEnd, WirePiece, WireRequest
from nexusone.providers.openai.answers import CHARACTERS_PER_TOKEN
from nexusone.providers.openai.client import failure_of

Json = Mapping[str, object]

COUNTS: Mapping[Operation, tuple[str, str]] = {
    "chat": ("prompt_tokens", "completion_tokens"),
    "responses": ("input_tokens", "output_tokens"),
    "embeddings": ("prompt_tokens", ""),
    "images": ("input_tokens", ""),
}
LAST_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
DONE = b"[DONE]"


def read_whole(request: WireRequest, content: bytes, *, call: str | None) -> WireAnswer:
    """A whole answer. Raises UnknownOutcome where it cannot be read, DefiniteFailure where it tells of a failure."""
    try:
        told = json.loads(content)
    except ValueError as error:
        raise UnknownOutcome(detail="the answer cannot be read") from error
    if not isinstance(told, dict):
        raise UnknownOutcome(detail="the answer cannot be read")
    if request.operation == "responses" and told.get("status") == "failed":
        raise _failure(_object(told.get("error")))
    images = tuple(_images(told)) if request.operation == "images" else ()
    end = WireEnd(
        quantities=_quantities(request, told),
        model=str(told.get("model") or request.body["model"]),
        vendor_reference=str(told.get("id") or call or "") or None,
        finish_reason=_finish_reason(told),
    )
    return WireAnswer(body=content, text="".join(_written(request.operation, told)), images=images, end=end)


class StreamReader:
    """Reads a stream event by event; one reader a stream."""

    def __init__(self, request: WireRequest) -> None:
        self._request = request
        self._hides_usage = request.operation == "chat" and not request.tells_usage
        self._last: Json = {}
        self._usage: Json | None = None
        self._reason: str | None = None
        self._has_text = False
        self.has_ended = False

    def read(self, frame: bytes) -> WirePiece | None:
        """The piece that an event is; None where it is nothing for the client.

        Raises:
            DefiniteFailure: the vendor failed before it wrote anything.
            UnknownOutcome: it failed later, or the event cannot be read.
        """
        text = b"\n".join(line[5:].strip() for line in frame.split(b"\n") if line.startswith(b"data:"))
        if not text:
            return WirePiece(frame + b"\n\n")
        if text == DONE:
            return self._ended(frame + b"\n\n")
        try:
            event = json.loads(text)
        except ValueError as error:
            raise UnknownOutcome(detail="an event in the answer cannot be read") from error
        if not isinstance(event, dict):
            raise UnknownOutcome(detail="an event in the answer cannot be read")
        return self._chat(frame, event) if self._request.operation == "chat" else self._named(frame, event)

    def end(self) -> WirePiece:
        """What the line's end means. Raises UnknownOutcome where the answer was not whole."""
        if self._request.operation != "chat" or self._reason is None:
            raise UnknownOutcome(detail="the stream ended without a result")
        return self._ended(b"")

    def _chat(self, frame: bytes, event: dict[str, object]) -> WirePiece | None:
        if event.get("error"):
            raise self._broken(_object(event["error"]))
        self._last = {**self._last, **{name: event[name] for name in ("id", "model") if name in event}}
        usage = event.get("usage")
        self._usage = usage if isinstance(usage, dict) else self._usage
        choices = _objects(event.get("choices"))
        written = "".join(text for choice in choices for text in _message_texts(_object(choice.get("delta"))))
        self._has_text = self._has_text or bool(written)
        self._reason = next((str(choice["finish_reason"]) for choice in choices if choice.get("finish_reason")), self._reason)
        if self._hides_usage and "usage" in event:
            if not choices:
                return None
            del event["usage"]
            frame = b"data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        return WirePiece(frame + b"\n\n", written)

    def _named(self, frame: bytes, event: dict[str, object]) -> WirePiece:
        kind, delta = str(event.get("type", "")), event.get("delta")
        written = delta if kind.endswith(".delta") and isinstance(delta, str) else ""
        self._has_text = self._has_text or bool(written)
        if kind not in LAST_EVENTS:
            return WirePiece(frame + b"\n\n", written)
        response = _object(event.get("response"))
        usage = response.get("usage")
        self._last, self._usage = response, usage if isinstance(usage, dict) else None
        if kind in ("response.failed", "error") and self._usage is None:
            raise self._broken(_object(response.get("error")) or event)
        self._reason = _finish_reason(response)
        return self._ended(frame + b"\n\n")

    def _ended(self, frame: bytes) -> WirePiece:
        self.has_ended = True
        end = WireEnd(
            quantities=_counted(self._request.operation, self._usage),
            model=str(self._last.get("model") or self._request.body["model"]),
            vendor_reference=str(self._last.get("id") or "") or None,
            finish_reason=self._reason,
        )
        return WirePiece(frame, end=end)

    def _broken(self, error: Json) -> DefiniteFailure | UnknownOutcome:
        if self._has_text:
            # Done in part, and nobody says what it cost.
            return UnknownOutcome(detail="the vendor failed in the middle of the answer")
        return _failure(error)


def _failure(error: Json) -> DefiniteFailure:
    code = error.get("code")
    return failure_of(code=code if isinstance(code, str) else None, message=str(error.get("message", "")))


def _quantities(request: WireRequest, told: Json) -> Mapping[Unit, int] | None:
    counted = _counted(request.operation, told.get("usage"))
    if request.operation != "images":
        return counted
    asked = ceil(len(str(request.body.get("prompt", ""))) / CHARACTERS_PER_TOKEN)
    return {"input_token": counted["input_token"] if counted else asked, "image": len(_objects(told.get("data")))}


def _counted(operation: Operation, usage: object) -> Mapping[Unit, int] | None:
    if not isinstance(usage, dict):
        return None
    read, written = COUNTS[operation]
    asked, answered = usage.get(read), usage.get(written, 0)
    if not isinstance(asked, int) or not isinstance(answered, int) or min(asked, answered) < 0:
        return None
    return {"input_token": asked, "output_token": answered}


def _finish_reason(told: Json) -> str | None:
    reasons = [choice.get("finish_reason") for choice in _objects(told.get("choices"))]
    found = next((reason for reason in reasons if reason), None) or told.get("status")
    return str(found) if found else None


def _written(operation: Operation, told: Json) -> Iterator[str]:
    """Everything that a model wrote: words, refusals, and what it asks of tools."""
    if operation == "chat":
        for choice in _objects(told.get("choices")):
            yield from _message_texts(_object(choice.get("message")))
    if operation == "responses":
        for item in _objects(told.get("output")):
            yield from (str(item[name]) for name in ("arguments", "input") if isinstance(item.get(name), str))
            for part in _objects(item.get("content")):
                yield from (str(part[name]) for name in ("text", "refusal") if isinstance(part.get(name), str))


def _message_texts(message: Json) -> Iterator[str]:
    yield from (str(message[name]) for name in ("content", "refusal", "reasoning_content") if isinstance(message.get(name), str))
    calls = [*_objects(message.get("tool_calls")), {"function": message.get("function_call")}]
    for call in calls:
        for asked in (_object(call.get("function")), _object(call.get("custom"))):
            yield from (str(asked[name]) for name in ("name", "arguments", "input") if isinstance(asked.get(name), str))


def _images(told: Json) -> Iterator[MediaFile]:
    media_type = MEDIA_TYPES.get(str(told.get("output_format", "png")), "image/png")
    for picture in _objects(told.get("data")):
        packed = picture.get("b64_json")
        if isinstance(packed, str):
            try:
                yield MediaFile(content=base64.b64decode(packed, validate=True), media_type=media_type)
            except binascii.Error as error:
                raise UnknownOutcome(detail="a picture in the answer cannot be read") from error


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
