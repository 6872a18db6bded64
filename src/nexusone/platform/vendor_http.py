"""Calls to one vendor that speaks JSON over HTTP: authenticated, bounded, every bad ending named; forms and files besides."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.platform.http import ANSWER_BYTES_MAX, HttpAnswer, OutgoingHttp

DETAIL_CHARACTERS_MAX = 300
RETRY_AFTER_SECONDS_MAX = 86_400.0
CODES = {
    401: "vendor.unauthorized",
    402: "vendor.quota_exhausted",
    403: "vendor.forbidden",
    404: "vendor.not_found",
    413: "vendor.rejected",
    429: "vendor.rate_limited",
    451: "vendor.refused_content",
}
RETRYABLE = frozenset({408, 409, 425, 429})

Reader = Callable[[HttpAnswer, Mapping[str, Any] | None], DefiniteFailure | None]
"""Reads a vendor's own error body; None where it says nothing by which the common rules would be changed."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file in a form; `name` is the field's, `filename` what the vendor is told that the file is called."""

    name: str
    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class VendorHttp:
    """One account at one address. `words_of` finds the vendor's sentence in its error body, `read_failure` may judge it first."""

    http: OutgoingHttp
    address: str
    headers: Mapping[str, str] = field(repr=False)
    words_of: Callable[[Mapping[str, Any]], str]
    read_failure: Reader | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Any:
        """One call with JSON both ways; an empty answer is None.

        Raises:
            DefiniteFailure: not done, by the vendor's own words or for want of a connection.
            UnknownOutcome: it may have been done: no answer, a 5xx, or an answer that cannot be read.
        """
        raw = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        typed = {} if raw is None else {"Content-Type": "application/json"}
        answer = await self.send(method, path, raw=raw, headers={**typed, **(headers or {})}, answer_bytes_max=answer_bytes_max)
        return _json(answer) if answer.body.strip() else None

    async def send(
        self,
        method: str,
        path: str,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> HttpAnswer:
        """The same with bytes both ways."""
        sent = {"Accept": "application/json", **self.headers, **(headers or {})}
        answer = await self.http.request(method, f"{self.address}{path}", headers=sent, body=raw, answer_bytes_max=answer_bytes_max)
        if answer.status >= 300:
            raise self.outcome_of(answer)
        return answer

    async def download(self, url: str, *, bytes_max: int, headers: Mapping[str, str] | None = None) -> AsyncIterator[bytes]:
        """A file from where the vendor keeps it, piece by piece; the account's credentials go there only where `headers` has them.

        Raises:
            DefiniteFailure: not to be had, or `vendor.file_too_large` beyond `bytes_max`.
            UnknownOutcome: it came in part.
        """
        got = 0
        async with self.http.opened("GET", url, headers=headers, is_file=True) as answer:
            if answer.status != 200:
                raise DefiniteFailure(
                    code=CODES.get(answer.status, "vendor.unavailable" if answer.status >= 500 else "vendor.rejected"),
                    detail=f"the file's address answered {answer.status}",
                    is_retryable=answer.status in RETRYABLE or answer.status >= 500,
                )
            async for piece in answer.content.iter_any():
                got += len(piece)
                if got > bytes_max:
                    answer.close()
                    raise DefiniteFailure(code="vendor.file_too_large", detail=f"over {bytes_max} bytes", is_retryable=False)
                yield piece

    async def upload(self, path: str, parts: tuple[Part, ...], *, fields: Mapping[str, str] | None = None) -> Any:
        """Posts files as a form; the answer is JSON. Raises: as `call`."""
        content_type, raw = multipart(parts, fields or {})
        answer = await self.send("POST", path, raw=raw, headers={"Content-Type": content_type})
        return _json(answer)

    async def close(self) -> None:
        """Ends all connections."""
        await self.http.close()

    def outcome_of(self, answer: HttpAnswer) -> DefiniteFailure | UnknownOutcome:
        """What an answer that is no success means for whether it was done."""
        told = _object(answer)
        if self.read_failure is not None and (failure := self.read_failure(answer, told)) is not None:
            return failure
        if answer.status >= 500:
            return UnknownOutcome(detail=f"answered {answer.status} without saying what became of the request")
        if answer.status < 400:
            return DefiniteFailure(code="vendor.rejected", detail=f"answered {answer.status}", is_retryable=False)
        return self.failure(answer, told)

    def failure(self, answer: HttpAnswer, told: Mapping[str, Any] | None, *, code: str | None = None) -> DefiniteFailure:
        """A definite failure in the vendor's words, without secrets."""
        return DefiniteFailure(
            code=code or CODES.get(answer.status, "vendor.unavailable" if answer.status >= 500 else "vendor.rejected"),
            detail=self.shown(self.words_of(told) if told is not None else f"answered {answer.status}"),
            is_retryable=answer.status in RETRYABLE or answer.status >= 500,
            retry_after_seconds=retry_after_seconds(answer),
        )

    def shown(self, words: str) -> str:
        """A vendor's words as they may be kept."""
        for secret in self.secrets:
            words = words.replace(secret, "…")
        return words[:DETAIL_CHARACTERS_MAX]


def multipart(parts: tuple[Part, ...], fields: Mapping[str, str]) -> tuple[str, bytes]:
    """A form with files: its content type, and its bytes."""
    while True:
        boundary = token_hex(16)
        if not any(boundary.encode() in part.content for part in parts):
            break
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for part in parts:
        disposition = f'form-data; name="{_quoted(part.name)}"; filename="{_quoted(part.filename)}"'
        media_type = "".join(letter for letter in part.media_type if letter.isprintable())
        lines.append(f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {media_type}\r\n\r\n".encode())
        lines += [part.content, b"\r\n"]
    return f"multipart/form-data; boundary={boundary}", b"".join([*lines, f"--{boundary}--\r\n".encode()])


def retry_after_seconds(answer: HttpAnswer) -> float | None:
    """What `Retry-After` says, where it says seconds within a day."""
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= RETRY_AFTER_SECONDS_MAX else None


def _quoted(text: str) -> str:
    # As browsers write names into forms.
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _json(answer: HttpAnswer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise UnknownOutcome(detail="the answer is not JSON") from error


def _object(answer: HttpAnswer) -> Mapping[str, Any] | None:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
