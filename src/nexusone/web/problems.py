"""Refusals become RFC 9457 problem details here and nowhere else, in the caller's language."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from nexusone.kernel.contract import Contract
from nexusone.kernel.errors import FieldError, InvalidRequest, NotFound, Refusal, Unprocessable
from nexusone.kernel.locale import fallback_chain

PROBLEM_TYPE = "https://nexusone.dev/problems/"
QUOTA_EXCEEDED_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"


class ProblemError(Contract):
    """One fault in the input, at an RFC 6901 pointer."""

    pointer: str
    code: str
    detail: str


class Problem(Contract):
    """RFC 9457 problem details. `code` is stable; `instance` is the request's id."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: tuple[ProblemError, ...] = ()


class MethodNotAllowed(Refusal):
    """The path exists, the method does not."""

    code = "request.method_not_allowed"
    status = 405


class HeadTooLarge(Refusal):
    """The head of the request, with all its headers, is over the size limit."""

    code = "request.head_too_large"
    status = 431


class InternalFault(Refusal):
    """A fault of ours; the request id finds it in the logs."""

    code = "service.fault"
    status = 500


class OutcomeUnknown(Refusal):
    """The answer of the database or of a vendor was lost; the same request with the same key finds out."""

    code = "service.outcome_unknown"
    status = 503


class Messages:
    """The texts of refusals by language and code, read from every `locale/` folder."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._texts: dict[str, dict[str, dict[str, str]]] = {}
        for folder in folders:
            for path in sorted(folder.glob("*.json")):
                texts = self._texts.setdefault(path.stem, {})
                texts.update(json.loads(path.read_text(encoding="utf-8")))

    def codes(self, language: str = "en") -> frozenset[str]:
        """All codes that have a text in a language."""
        return frozenset(self._texts.get(language, {}))

    def title_and_detail(self, code: str, *, locale: str, data: Mapping[str, object]) -> tuple[str, str]:
        """The text of a refusal, filled with its data."""
        for tag in fallback_chain(locale, "en"):
            if (text := self._texts.get(tag, {}).get(code)) is not None:
                return text["title"], text["detail"].format_map(_Filling(data))
        return code, code


class _Filling(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def problem_response(refusal: Refusal, *, messages: Messages, locale: str, request_id: str) -> Response:
    """The answer that a refusal becomes."""
    title, detail = messages.title_and_detail(refusal.code, locale=locale, data=refusal.data)
    body: dict[str, Any] = {
        "type": QUOTA_EXCEEDED_TYPE if refusal.status == 429 else PROBLEM_TYPE + refusal.code,
        "title": title,
        "status": refusal.status,
        "detail": detail,
        "instance": request_id,
        "code": refusal.code,
    }
    if refusal.errors:
        body["errors"] = [{"pointer": error.pointer, "code": error.code, "detail": error.detail} for error in refusal.errors]
    if violated := refusal.data.get("violated_policies"):
        body["violated-policies"] = violated
    if refusal.status == 402:
        body.update({key: value for key, value in refusal.data.items() if isinstance(value, str | int)})
    headers = dict(refusal.headers)
    if refusal.status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return Response(json.dumps(body, ensure_ascii=False).encode(), refusal.status, headers, "application/problem+json")


def refusal_of(error: Exception) -> Refusal:
    """What the framework could not read, as a refusal; any other exception is a fault of ours."""
    if isinstance(error.__cause__, Refusal):
        # Raised while the body was read; the framework made its own error of it.
        return error.__cause__
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if not isinstance(error, HTTPException):
        return InternalFault()
    if error.status_code == 404:
        return NotFound(what="path")
    if error.status_code == 405:
        return MethodNotAllowed(headers=error.headers)
    return InvalidRequest(reason=str(error.detail))


def pointer_step(name: str) -> str:
    """One step of an RFC 6901 pointer, escaped."""
    return name.replace("~", "~0").replace("/", "~1")


def _of_validation(error: RequestValidationError) -> Refusal:
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return InvalidRequest(reason="the body is not valid JSON")
    return Unprocessable(errors=tuple(_field_error(fault, error.body) for fault in faults[:50]), count=len(faults))


def _field_error(fault: Mapping[str, Any], body: object) -> FieldError:
    where, *path = fault["loc"]
    steps = [str(step) for step in (_without_tags(path, body) if where == "body" else path)]
    pointer = "".join("/" + pointer_step(step) for step in steps)
    if where != "body":
        pointer = f"#{where}{pointer}"
    return FieldError(pointer=pointer, code=str(fault["type"]), detail=str(fault["msg"]))


def _without_tags(path: list[str | int], body: object) -> list[str | int]:
    """The path without the words by which a choice between contracts was made: what a path goes through is in the body."""
    kept: list[str | int] = []
    at = body
    for place, step in enumerate(path):
        if isinstance(at, Mapping) and step not in at and place < len(path) - 1:
            continue
        kept.append(step)
        at = _inside(at, step)
    return kept


def _inside(value: object, step: str | int) -> object:
    if isinstance(value, Mapping):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None
