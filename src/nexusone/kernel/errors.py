"""Refusals: what NexusOne answers when it will not do what was asked.

Refusal
├── InvalidRequest      400   the request cannot be read
├── Unauthenticated     401   no or no valid credential
├── PaymentRequired     402   credits or plan do not cover it
├── Forbidden           403   the principal lacks a permission
├── NotFound            404   no such thing in this workspace
├── Conflict            409   the state of the world does not allow it
├── PreconditionFailed  412   the resource changed since it was read
├── PayloadTooLarge     413   over a size limit
├── UnsupportedMedia    415   another media type is needed
├── Unprocessable       422   readable, but against a rule
├── PreconditionNeeded  428   a guard header is missing
├── RateLimited         429   over a rate limit
└── Unavailable         503   a dependency does not answer; try later

A module subclasses one of these, gives it a `code` and writes its message into its `locale/en.json`.
"""

from collections.abc import Mapping
from typing import ClassVar


class Refusal(Exception):
    """The base of all refusals: a stable `code`, an HTTP `status`, `data` that fills the message."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400

    def __init__(self, *, errors: tuple["FieldError", ...] = (), headers: Mapping[str, str] | None = None, **data: object) -> None:
        super().__init__(self.code)
        self.data = data
        self.errors = errors
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        return f"{self.code} {self.data}" if self.data else self.code


class FieldError:
    """One fault in the input: an RFC 6901 `pointer`, a stable `code`, a sentence."""

    __slots__ = ("code", "detail", "pointer")

    def __init__(self, *, pointer: str, code: str, detail: str) -> None:
        self.pointer, self.code, self.detail = pointer, code, detail


class InvalidRequest(Refusal):
    """The request cannot be read."""

    code = "request.invalid"
    status = 400


class Unauthenticated(Refusal):
    """No credential, or one that is forged, expired or revoked."""

    code = "auth.unauthenticated"
    status = 401


class PaymentRequired(Refusal):
    """Credits or plan do not cover what was asked."""

    code = "billing.payment_required"
    status = 402


class Forbidden(Refusal):
    """The principal lacks the permission named in `data`."""

    code = "auth.forbidden"
    status = 403


class NotFound(Refusal):
    """No such thing in this workspace; another workspace's id gives the same answer."""

    code = "request.not_found"
    status = 404


class Conflict(Refusal):
    """The state of the world does not allow it."""

    code = "request.conflict"
    status = 409


class PreconditionFailed(Refusal):
    """The resource changed since the caller read it."""

    code = "request.precondition_failed"
    status = 412


class PayloadTooLarge(Refusal):
    """A body, file or list is over its limit."""

    code = "request.too_large"
    status = 413


class UnsupportedMedia(Refusal):
    """The body has a media type this operation does not read."""

    code = "request.unsupported_media_type"
    status = 415


class Unprocessable(Refusal):
    """The input is readable but breaks a rule; `errors` point at the fields."""

    code = "request.unprocessable"
    status = 422


class PreconditionNeeded(Refusal):
    """A guard header is required here."""

    code = "request.precondition_required"
    status = 428


class RateLimited(Refusal):
    """Over a rate limit; `Retry-After` says when to come back."""

    code = "request.rate_limited"
    status = 429


class Unavailable(Refusal):
    """A dependency does not answer; nothing was done, try later."""

    code = "service.unavailable"
    status = 503
