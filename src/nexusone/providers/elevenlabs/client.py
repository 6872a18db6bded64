"""The vendor's HTTP: a key in a header of its own, errors in three shapes, quota refused as if the key were wrong."""

from collections.abc import Mapping
from typing import Any

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.platform.http import HttpAnswer, OutgoingHttp
from nexusone.platform.vendor_http import VendorHttp

# The words are from the vendor's public documentation, not checked against its contract, which says nothing but 422.
CODES: Mapping[str, str] = {
    "quota_exceeded": "vendor.quota_exhausted",
    "insufficient_credits": "vendor.quota_exhausted",
    "payment_required": "vendor.quota_exhausted",
    "content_against_policy": "vendor.refused_content",
    "too_many_concurrent_requests": "vendor.rate_limited",
    "concurrent_limit_exceeded": "vendor.rate_limited",
    "rate_limit_exceeded": "vendor.rate_limited",
    "system_busy": "vendor.rate_limited",
    "invalid_api_key": "vendor.unauthorized",
    "missing_api_key": "vendor.unauthorized",
    "needs_authorization": "vendor.unauthorized",
    "workspace_not_found": "vendor.unauthorized",
    "voice_does_not_exist": "vendor.not_found",
}


def open_client(*, http: OutgoingHttp, address: str, api_key: str) -> VendorHttp:
    """One account at one address."""

    def read_failure(answer: HttpAnswer, told: Mapping[str, Any] | None) -> DefiniteFailure | None:
        code = _code(told) if told is not None and answer.status < 500 else None
        if code is None:
            return None
        made = client.failure(answer, told, code=code)
        return DefiniteFailure(
            code=code,
            detail=made.detail,
            is_retryable=code == "vendor.rate_limited",
            retry_after_seconds=made.retry_after_seconds,
        )

    client = VendorHttp(
        http=http,
        address=address,
        headers={"xi-api-key": api_key},
        words_of=words_of,
        read_failure=read_failure,
        secrets=(api_key,),
    )
    return client


def words_of(told: Mapping[str, Any]) -> str:
    """The vendor's sentence: `detail` is an object with a message, a list of what is wrong where, or a text."""
    detail = told.get("detail")
    if isinstance(detail, Mapping):
        return f"{detail.get('status') or detail.get('code') or 'error'}: {detail.get('message') or 'without a message'}"
    if isinstance(detail, list):
        return "; ".join(_fault(fault) for fault in detail) or "without a message"
    return detail if isinstance(detail, str) and detail else "without a message"


def _code(told: Mapping[str, Any]) -> str | None:
    detail = told.get("detail")
    if not isinstance(detail, Mapping):
        return None
    # `status` is the elder word and may differ from `code`; the elder is the more exact of the two.
    words = [word for word in (detail.get("status"), detail.get("code"), detail.get("type")) if isinstance(word, str)]
    for word in words:
        if word in CODES:
            return CODES[word]
    return "vendor.not_found" if any(word.endswith("_not_found") for word in words) else None


def _fault(fault: object) -> str:
    if not isinstance(fault, Mapping):
        return "a fault that is not described"
    place = fault.get("loc")
    where = ".".join(str(step) for step in place) if isinstance(place, list) else ""
    return f"{where}: {fault.get('msg')}"
