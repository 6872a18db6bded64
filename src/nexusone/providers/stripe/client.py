"""The vendor's SDK on the product's own HTTP client: bounded, guarded, never repeating a call; every bad ending named."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stripe import APIConnectionError, CardError, HTTPClient, IdempotencyError, InvalidRequestError, StripeClient, StripeError

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.ports import FailureKind
from nexusone.platform.http import OutgoingHttp

DETAIL_CHARACTERS_MAX = 300
RETRY_AFTER_SECONDS_MAX = 86_400.0
CODES = {401: "vendor.unauthorized", 403: "vendor.forbidden", 404: "vendor.not_found", 429: "vendor.rate_limited"}

FAILURES: Mapping[str, FailureKind] = {
    "insufficient_funds": "insufficient_funds",
    "authentication_required": "needs_authentication",
    "authentication_not_handled": "needs_authentication",
    "expired_card": "method_expired",
    "fraudulent": "suspected_fraud",
    "lost_card": "suspected_fraud",
    "stolen_card": "suspected_fraud",
    "pickup_card": "suspected_fraud",
    "card_declined": "declined",
    "generic_decline": "declined",
    "do_not_honor": "declined",
}


class Wire(HTTPClient):
    """Carries the SDK's requests over `OutgoingHttp`."""

    name = "nexusone"

    def __init__(self, http: OutgoingHttp) -> None:
        super().__init__()
        self._http = http

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | bytes | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """One request and its answer, whatever its status."""
        body = post_data.encode() if isinstance(post_data, str) else post_data
        answer = await self._http.request(method.upper(), url, headers=headers, body=body)
        return answer.body, answer.status, answer.headers

    async def close_async(self) -> None:
        """Ends all connections."""
        await self._http.close()


def open_client(*, address: str, api_key: str, http: OutgoingHttp) -> StripeClient:
    """The SDK's client of any address that speaks this wire; it repeats nothing by itself."""
    return StripeClient(api_key, base_addresses={"api": address}, http_client=Wire(http), max_network_retries=0)


@contextmanager
def named_outcomes() -> Iterator[None]:
    """Turns what the SDK raises into DefiniteFailure or UnknownOutcome."""
    try:
        yield
    except StripeError as error:
        raise outcome_of(error) from error
    except (ValueError, TypeError) as error:
        raise UnknownOutcome(detail="the answer cannot be read") from error


def outcome_of(error: StripeError) -> DefiniteFailure | UnknownOutcome:
    """What an error of the SDK means for whether the vendor did it."""
    status = error.http_status or 0
    if isinstance(error, CardError):
        return DefiniteFailure(code=f"payment.{failure_kind(_told(error))}", detail=_shown(error), is_retryable=False)
    if isinstance(error, IdempotencyError):
        return DefiniteFailure(code="vendor.rejected", detail=_shown(error), is_retryable=False)
    if isinstance(error, APIConnectionError) or status >= 500 or status < 400:
        # After a 500 the vendor itself does not promise that nothing was done.
        return UnknownOutcome(detail=f"answered {status} without saying what became of the request")
    if status == 409:
        return UnknownOutcome(detail="a request with the same key is still under way")
    if isinstance(error, InvalidRequestError) and error.code == "resource_missing" and error.param == "payment_method":
        return DefiniteFailure(code="payment.method_gone", detail=_shown(error), is_retryable=False)
    return DefiniteFailure(
        code=CODES.get(status, "vendor.rejected"),
        detail=_shown(error),
        is_retryable=status == 429,
        retry_after_seconds=_retry_after_seconds(error),
    )


def failure_kind(told: Mapping[str, Any]) -> FailureKind:
    """The vendor's error object in the words of the port."""
    for name in (told.get("decline_code"), told.get("code")):
        if isinstance(name, str) and name in FAILURES:
            return FAILURES[name]
    return "other"


def _told(error: StripeError) -> Mapping[str, Any]:
    body = error.json_body
    told = body.get("error") if isinstance(body, dict) else None
    return told if isinstance(told, dict) else {}


def _shown(error: StripeError) -> str:
    return (error.user_message or type(error).__name__)[:DETAIL_CHARACTERS_MAX]


def _retry_after_seconds(error: StripeError) -> float | None:
    try:
        seconds = float((error.headers or {}).get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= RETRY_AFTER_SECONDS_MAX else None
