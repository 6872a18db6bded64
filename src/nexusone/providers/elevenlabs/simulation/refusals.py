"""Errors as the vendor words them: an object in `detail`, or a list of what is wrong where."""

import json
from collections.abc import Mapping

from pydantic import ValidationError
from starlette.responses import JSONResponse

from nexusone.kernel.ids import new_id

# The words are from the vendor's public documentation, not checked against its contract, which says nothing but 422.


class VendorRefusal(Exception):
    """One error answer."""

    def __init__(
        self, http: int, kind: str, code: str, message: str, *, status: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.http, self.kind, self.code, self.message = http, kind, code, message
        self.status, self.retry_after = status or code, retry_after

    def answer(self) -> JSONResponse:
        """The answer as it is sent."""
        trace = new_id().hex
        told = {"type": self.kind, "code": self.code, "message": self.message, "status": self.status, "request_id": trace}
        headers = {"x-trace-id": trace} | ({"Retry-After": f"{self.retry_after:g}"} if self.retry_after is not None else {})
        return JSONResponse({"detail": told}, self.http, headers)


def invalid(error: ValidationError) -> JSONResponse:
    """What is wrong in a body, place by place."""
    faults: list[Mapping[str, object]] = json.loads(error.json(include_url=False, include_context=False))
    return JSONResponse({"detail": [{**fault, "loc": ["body", *_steps(fault)]} for fault in faults]}, 422)


def unknown_key() -> VendorRefusal:
    """A key that is not one."""
    return VendorRefusal(401, "authentication_error", "unauthorized", "Invalid API key", status="invalid_api_key")


def no_key() -> VendorRefusal:
    """A call without a key."""
    words = "Neither authorization header nor xi-api-key received, please provide one."
    return VendorRefusal(401, "authentication_error", "unauthorized", words, status="needs_authorization")


def too_many(retry_after: float) -> VendorRefusal:
    """More at once than the plan allows."""
    words = "Too many concurrent requests. Your current subscription is associated with a maximum of 10 concurrent requests."
    legacy = "too_many_concurrent_requests"
    return VendorRefusal(429, "rate_limit_error", "concurrent_limit_exceeded", words, status=legacy, retry_after=retry_after)


def busy() -> VendorRefusal:
    """More traffic than the vendor can bear."""
    return VendorRefusal(429, "rate_limit_error", "system_busy", "We are experiencing heavy traffic. Please try again later.")


def against_policy() -> VendorRefusal:
    """A text that will not be spoken."""
    words = "We are sorry but text you are trying to use may violate our Terms of Service and has been blocked."
    return VendorRefusal(403, "authorization_error", "content_against_policy", words)


def broken() -> VendorRefusal:
    """A fault of the vendor's own."""
    return VendorRefusal(500, "internal_error", "internal_error", "An unexpected error occurred.")


def _steps(fault: Mapping[str, object]) -> list[object]:
    place = fault.get("loc")
    return place if isinstance(place, list) else []
