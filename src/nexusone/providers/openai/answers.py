"""The vendor's answer, read down to what counts: whether it wrote, what, and how many tokens that took."""

from math import ceil
from typing import Literal

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.text import FinishReason, TextRequest, TextResult
from nexusone.providers.openai.client import failure_of, shown

CHARACTERS_PER_TOKEN = 4


class _Part(BaseModel):
    type: str
    text: str = ""
    refusal: str = ""


class _Item(BaseModel):
    type: str
    content: list[_Part] | None = None


class _Incomplete(BaseModel):
    reason: str | None = None


class _Failure(BaseModel):
    code: str | None = None
    message: str = ""


class _Usage(BaseModel):
    input_tokens: NonNegativeInt
    output_tokens: NonNegativeInt


class Answer(BaseModel):
    """The parts of a response object that are read; whatever else it holds is ignored."""

    id: str = Field(min_length=1)
    model: str
    status: Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
    incomplete_details: _Incomplete | None = None
    error: _Failure | None = None
    output: list[_Item]
    usage: _Usage | None = None

    def parts(self) -> list[_Part]:
        """What the model said, over all its messages."""
        return [part for item in self.output if item.type == "message" for part in item.content or []]


def read_answer_body(body: bytes) -> Answer:
    """Raises UnknownOutcome for a body that is not a response object."""
    try:
        return Answer.model_validate_json(body)
    except ValidationError as error:
        raise UnknownOutcome(detail="the answer cannot be read") from error


def read_answer(told: object) -> Answer:
    """The response object inside a stream's last event; raises UnknownOutcome where there is none."""
    try:
        return Answer.model_validate(told)
    except ValidationError as error:
        raise UnknownOutcome(detail="the answer cannot be read") from error


def failure_told(event: dict[str, object]) -> DefiniteFailure:
    """What a stream's error event says."""
    code, message = event.get("code"), event.get("message")
    return failure_of(code=code if isinstance(code, str) else None, message=message if isinstance(message, str) else "")


def result_of(answer: Answer, *, request: TextRequest) -> TextResult:
    """What was written. Raises DefiniteFailure where the vendor declined or failed, UnknownOutcome where it did not finish."""
    if answer.status == "failed":
        failure = answer.error or _Failure()
        raise failure_of(code=failure.code, message=failure.message)
    refusal = "".join(part.refusal for part in answer.parts())
    text = "".join(part.text for part in answer.parts() if part.type == "output_text")
    finish_reason = _finish_reason(answer)
    if refusal or (finish_reason == "content_filter" and not text):
        raise DefiniteFailure(code="vendor.refused_content", detail=shown(refusal or "filtered"), is_retryable=False)
    usage = answer.usage or _counted(request, text)
    return TextResult(
        text=text,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        model=answer.model,
        vendor_reference=answer.id,
        finish_reason=finish_reason,
    )


def _finish_reason(answer: Answer) -> FinishReason:
    if answer.status == "completed":
        return "stop"
    if answer.status == "incomplete" and answer.incomplete_details is not None:
        return "content_filter" if answer.incomplete_details.reason == "content_filter" else "length"
    raise UnknownOutcome(detail=f"the vendor left the answer {answer.status}")


def _counted(request: TextRequest, text: str) -> _Usage:
    """Compatible servers may leave usage out; it then is counted from lengths."""
    asked = len(request.instructions) + len(request.prompt)
    return _Usage(input_tokens=ceil(asked / CHARACTERS_PER_TOKEN), output_tokens=ceil(len(text) / CHARACTERS_PER_TOKEN))
