"""The vendor's HTTP: a token that is kept and renewed, JSON both ways, every bad ending named."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.ports import FailureKind
from nexusone.platform.http import HttpAnswer, OutgoingHttp

DETAIL_CHARACTERS_MAX = 300
RETRY_AFTER_SECONDS_MAX = 86_400.0
TOKEN_SPARE = timedelta(seconds=60)
ANSWER_BYTES_MAX = 8 * 1024 * 1024
CODES = {401: "vendor.unauthorized", 403: "vendor.forbidden", 404: "vendor.not_found", 429: "vendor.rate_limited"}

FAILURES: Mapping[str, FailureKind] = {
    "INSTRUMENT_DECLINED": "declined",
    "PAYER_CANNOT_PAY": "insufficient_funds",
    "PAYER_ACTION_REQUIRED": "needs_authentication",
    "PAYER_ACCOUNT_RESTRICTED": "suspected_fraud",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": "method_gone",
    "TOKEN_ID_NOT_FOUND": "method_gone",
    "TRANSACTION_REFUSED": "declined",
    "COMPLIANCE_VIOLATION": "suspected_fraud",
}


class PayPalClient:
    """One account at one address."""

    def __init__(self, *, http: OutgoingHttp, address: str, client_id: str, client_secret: str) -> None:
        self._http, self._address = http, address
        packed = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._credential = f"Basic {packed}"
        self._token = ""
        self._token_until = datetime.min.replace(tzinfo=UTC)

    async def call(self, method: str, path: str, *, body: object = None, key: str | None = None) -> Mapping[str, Any]:
        """One call and its JSON; `key` makes it idempotent at the vendor.

        Raises:
            DefiniteFailure, UnknownOutcome: as the port says; `detail` carries the vendor's issue and debug id.
        """
        raw = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return await self.call_raw(method, path, raw=raw, key=key)

    async def call_raw(self, method: str, path: str, *, raw: bytes | None, key: str | None = None) -> Mapping[str, Any]:
        """The same with a body as it is."""
        answer = await self._answer(method, path, raw, key)
        if answer.status == 401:
            # The token was withdrawn before its time; what is answered so was not done.
            self._token = ""
            answer = await self._answer(method, path, raw, key)
        if answer.status >= 400:
            raise _failure(answer)
        return _json(answer)

    async def close(self) -> None:
        """Ends all connections."""
        await self._http.close()

    async def _answer(self, method: str, path: str, raw: bytes | None, key: str | None) -> HttpAnswer:
        headers = {
            "Authorization": f"Bearer {await self._current_token()}",
            "Prefer": "return=representation",
            "Accept": "application/json",
        }
        if raw is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["PayPal-Request-Id"] = key
        return await self._http.request(method, f"{self._address}{path}", headers=headers, body=raw, answer_bytes_max=ANSWER_BYTES_MAX)

    async def _current_token(self) -> str:
        if self._token and datetime.now(UTC) < self._token_until:
            return self._token
        headers = {"Authorization": self._credential, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = await self._http.request(
                "POST", f"{self._address}/v1/oauth2/token", headers=headers, body=b"grant_type=client_credentials"
            )
            told = _json(answer) if answer.status == 200 else {}
        except UnknownOutcome as error:
            # Asking for a token does nothing at the vendor, so nothing that was wanted has happened.
            raise DefiniteFailure(code="vendor.unavailable", detail="no token was given", is_retryable=True) from error
        if answer.status in (400, 401):
            raise DefiniteFailure(code="vendor.unauthorized", detail="the vendor does not know this client", is_retryable=False)
        if not isinstance(told.get("access_token"), str):
            raise DefiniteFailure(
                code=CODES.get(answer.status, "vendor.unavailable"),
                detail=f"no token was given: {answer.status}",
                is_retryable=True,
                retry_after_seconds=_retry_after_seconds(answer),
            )
        self._token = told["access_token"]
        self._token_until = datetime.now(UTC) + timedelta(seconds=int(told.get("expires_in", 300))) - TOKEN_SPARE
        return self._token


def failure_kind(issue: str) -> FailureKind | None:
    """The vendor's issue in the words of the port; None where it is not about the payer."""
    return FAILURES.get(issue)


def _failure(answer: HttpAnswer) -> DefiniteFailure | UnknownOutcome:
    if answer.status >= 500:
        return UnknownOutcome(detail=f"answered {answer.status} without saying what became of the request")
    if answer.status == 409:
        return UnknownOutcome(detail="a request with the same key is still under way")
    issue, detail = _issue(answer)
    if (kind := failure_kind(issue)) is not None:
        return DefiniteFailure(code=f"payment.{kind}", detail=detail, is_retryable=False)
    return DefiniteFailure(
        code=CODES.get(answer.status, f"vendor.rejected.{issue.lower()}" if issue else "vendor.rejected"),
        detail=detail,
        is_retryable=answer.status == 429,
        retry_after_seconds=_retry_after_seconds(answer),
    )


def _issue(answer: HttpAnswer) -> tuple[str, str]:
    try:
        told = json.loads(answer.body)
        details = told.get("details") or [{}]
        issue = str(details[0].get("issue") or told.get("name") or "")
        words = f"{issue}: {details[0].get('description') or told.get('message')} (debug id {told.get('debug_id')})"
    except (ValueError, AttributeError, IndexError, TypeError):
        return "", f"answered {answer.status}"
    return issue, words[:DETAIL_CHARACTERS_MAX]


def _json(answer: HttpAnswer) -> Mapping[str, Any]:
    if not answer.body:
        return {}
    try:
        told = json.loads(answer.body)
    except ValueError as error:
        raise UnknownOutcome(detail="the answer cannot be read") from error
    if not isinstance(told, dict):
        raise UnknownOutcome(detail="the answer cannot be read")
    return told


def _retry_after_seconds(answer: HttpAnswer) -> float | None:
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= RETRY_AFTER_SECONDS_MAX else None
