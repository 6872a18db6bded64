"""The vendor's one endpoint: tasks in, results and errors out, both told apart by the task they are about.

Codes of errors are from the vendor's public documentation and its SDKs, not checked against its contract, which names none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.platform.http import HttpAnswer, OutgoingHttp
from nexusone.platform.vendor_http import CODES, RETRYABLE, VendorHttp, retry_after_seconds

Json = Mapping[str, Any]

PATH = "/v1"
# The statuses of which the vendor says that nothing was done and that it may be asked again.
REFUSING_SERVERS = (503, 504)
TELLING_STATUSES = (401, 402, 429)
NEVER_HAD = "tasknotfound"
FORGOTTEN = (NEVER_HAD, "taskexpired", "taskcancelled", "taskfailedornotfound")
CONFLICT = "conflicttaskuuid"

# Read from above: the first that a code contains decides. What a model's maker did to the vendor is not what the vendor did to us.
WORDS: tuple[tuple[str, str, bool], ...] = (
    ("providerinsufficientcredits", "vendor.unavailable", True),
    ("thirdpartyinsufficientcredits", "vendor.unavailable", True),
    ("providerauthentication", "vendor.unavailable", True),
    ("apikey", "vendor.unauthorized", False),
    ("unauthorized", "vendor.unauthorized", False),
    ("authenticationfailed", "vendor.unauthorized", False),
    ("insufficientcredits", "vendor.quota_exhausted", False),
    ("quotaexceeded", "vendor.quota_exhausted", False),
    ("paymentrequired", "vendor.quota_exhausted", False),
    ("ratelimit", "vendor.rate_limited", True),
    ("providercontent", "vendor.refused_content", False),
    ("contentpolicy", "vendor.refused_content", False),
    ("moderation", "vendor.refused_content", False),
    ("nsfw", "vendor.refused_content", False),
    ("sensitivecontent", "vendor.refused_content", False),
    ("unsafecontent", "vendor.refused_content", False),
    ("blocked", "vendor.refused_content", False),
)
OF_THE_REQUEST = ("invalid", "missing", "unsupported", "mismatch", "incompatible", "duplicate", "unknownmodel", "unknownparameter")
OF_THE_VENDOR = ("timeout", "provider", "unavailable", "noavailable", "servererror", "inferenceerror", "failed", "unknownerror")


@dataclass(frozen=True, slots=True)
class TaskError:
    """One entry of `errors`: in the vendor's words (`said`, lower case) and in ours; `task` is None where it is about no task."""

    said: str
    code: str
    detail: str
    is_retryable: bool
    task: str | None
    kind: str | None

    def failure(self) -> DefiniteFailure:
        """As an exception."""
        return DefiniteFailure(code=self.code, detail=self.detail, is_retryable=self.is_retryable)


class ErrorsTold(DefiniteFailure):
    """The vendor answered with errors instead of doing it."""

    def __init__(self, first: TaskError, errors: tuple[TaskError, ...], *, status: int, retry_after_seconds: float | None) -> None:
        code, is_retryable = first.code, first.is_retryable
        if status in REFUSING_SERVERS:
            code, is_retryable = "vendor.unavailable", True
        elif status in TELLING_STATUSES or code == "vendor.rejected":
            code, is_retryable = CODES.get(status, code), status in RETRYABLE
        super().__init__(code=code, detail=first.detail, is_retryable=is_retryable, retry_after_seconds=retry_after_seconds)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Told:
    """What was said about one task."""

    results: tuple[Json, ...]
    errors: tuple[TaskError, ...]

    def has_error(self, *codes: str) -> bool:
        """Whether the vendor said one of these."""
        return any(error.said in codes for error in self.errors)


def task_uuid(correlation: str) -> str:
    """The vendor takes UUIDv4 only: ours where it is one, else one that comes of it and can be derived again."""
    try:
        found = UUID(correlation)
    except ValueError:
        found = None
    if found is not None and found.version == 4:
        return str(found)
    return str(UUID(bytes=sha256(correlation.encode()).digest()[:16], version=4))


class RunwareClient:
    """One account at one address."""

    def __init__(self, *, http: OutgoingHttp, address: str, api_key: str) -> None:
        self.vendor = VendorHttp(
            http=http,
            address=address,
            headers={"Authorization": f"Bearer {api_key}"},
            words_of=_words,
            read_failure=self._read_failure,
            secrets=(api_key,),
        )

    async def ask(self, task: Json) -> Told:
        """Sends one task; what is told of other tasks is left out.

        Raises:
            ErrorsTold: refused as a whole, by its status.
            DefiniteFailure, UnknownOutcome: as everywhere.
        """
        answer = await self.vendor.call("POST", PATH, body=[task])
        if not isinstance(answer, dict):
            raise UnknownOutcome(detail="the answer is not an object")
        mine = task["taskUUID"]
        return Told(
            results=tuple(one for one in _objects(answer.get("data")) if one.get("taskUUID") == mine),
            errors=tuple(error for error in self._errors(answer) if error.task in (None, mine)),
        )

    def _read_failure(self, answer: HttpAnswer, told: Json | None) -> DefiniteFailure | None:
        errors = self._errors(told or {})
        if not errors or (answer.status >= 500 and answer.status not in REFUSING_SERVERS):
            return None
        return ErrorsTold(errors[0], errors, status=answer.status, retry_after_seconds=retry_after_seconds(answer))

    def _errors(self, answer: Json) -> tuple[TaskError, ...]:
        return tuple(self._error(one) for one in _objects(answer.get("errors")))

    def _error(self, one: Json) -> TaskError:
        said = str(one.get("code") or "").lower()
        code, is_retryable = meaning(said)
        detail = self.vendor.shown(f"{one.get('code')}: {one.get('message')}")
        return TaskError(said, code, detail, is_retryable, task=_text(one.get("taskUUID")), kind=_text(one.get("taskType")))


def meaning(said: str) -> tuple[str, bool]:
    """One of the vendor's codes as ours, and whether asking again may help."""
    said = said.lower()
    if said in FORGOTTEN:
        return "vendor.not_found", False
    if (found := next(((code, is_retryable) for word, code, is_retryable in WORDS if word in said), None)) is not None:
        return found
    if not said.startswith(OF_THE_REQUEST) and any(word in said for word in OF_THE_VENDOR):
        return "vendor.unavailable", True
    return "vendor.rejected", False


def _words(told: Json) -> str:
    first = next(iter(_objects(told.get("errors"))), {})
    return str(first.get("message") or told.get("error") or "the vendor gave no reason")


def _objects(found: object) -> list[Json]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _text(found: object) -> str | None:
    return found if isinstance(found, str) else None
