"""The vendor's HTTP: its key, its error bodies."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.platform.addresses import LIVE, sandbox_reach
from nexusone.platform.http import HttpAnswer, OutgoingHttp
from nexusone.platform.provider import ProviderSetup
from nexusone.platform.vendor_http import VendorHttp

TOTAL_SECONDS = 60.0
REFUSALS = ("ModerationError", "CelebrityRecognizedError")
CODES = {
    "InsufficientCreditsError": "vendor.quota_exhausted",
    "AuthorizationError": "vendor.unauthorized",
    "NotFoundError": "vendor.not_found",
    "NotReadyError": "vendor.not_ready",
}


def open_vendor(setup: ProviderSetup, *, total_seconds: float = TOTAL_SECONDS) -> VendorHttp:
    """The vendor at the address of `setup`, with its `api_key` as the vendor shows it: `user:password`."""
    key = setup.credentials["api_key"]
    packed = base64.b64encode(key.encode()).decode()
    origin = "/".join(setup.address.split("/")[:3])
    vendor = VendorHttp(
        http=OutgoingHttp(sandbox_reach(origin) if setup.is_sandbox else LIVE, total_seconds=total_seconds),
        address=setup.address,
        headers={"Authorization": f"Basic {packed}"},
        words_of=error_words,
        secrets=tuple(secret for secret in (key, packed, key.partition(":")[2], setup.credentials.get("elevenlabs_api_key", "")) if secret),
    )
    return _judging(vendor)


def error_words(told: Mapping[str, Any]) -> str:
    """The vendor's sentence: kind, description and what it adds."""
    words = ": ".join(str(told[name]) for name in ("kind", "description", "message") if told.get(name))
    return f"{words} {json.dumps(told['details'], ensure_ascii=False)}" if told.get("details") else words


def code_of(kind: str) -> str | None:
    """A vendor's kind of error in the words of the port; None where the status says more."""
    return "vendor.refused_content" if kind.endswith(REFUSALS) else CODES.get(kind)


def _judging(vendor: VendorHttp) -> VendorHttp:
    def read_failure(answer: HttpAnswer, told: Mapping[str, Any] | None) -> DefiniteFailure | None:
        code = code_of(str(told.get("kind"))) if told is not None and answer.status < 500 else None
        return vendor.failure(answer, told, code=code) if code is not None else None

    return replace(vendor, read_failure=read_failure)
