"""Errors as the vendor words them."""

from starlette.responses import JSONResponse


class VendorRefusal(Exception):
    """An error answer: status, kind, description and what is added."""

    def __init__(self, status: int, kind: str, description: str, details: object = None) -> None:
        super().__init__(f"{kind}: {description}")
        self.status, self.kind, self.description, self.details = status, kind, description, details

    def response(self, headers: dict[str, str] | None = None) -> JSONResponse:
        """The answer."""
        body: dict[str, object] = {"kind": self.kind, "description": self.description}
        return JSONResponse({**body, **({"details": self.details} if self.details else {})}, self.status, headers)


def bad_request(description: str, details: object = None) -> VendorRefusal:
    """What was asked is wrong."""
    return VendorRefusal(400, "BadRequestError", description, details)


def unauthenticated() -> VendorRefusal:
    """The key is not known."""
    return VendorRefusal(401, "AuthorizationError", "user unauthenticated")


def no_credits() -> VendorRefusal:
    """Nothing is left to pay with."""
    return VendorRefusal(402, "InsufficientCreditsError", "not enough credits")


def not_found(noun: str) -> VendorRefusal:
    """It is not there."""
    return VendorRefusal(404, "NotFoundError", f"{noun} not found")


def moderated(path: str) -> VendorRefusal:
    """What the content is refused with, by what was sent."""
    kinds = {"/images": "ImageModerationError", "/audios": "AudioModerationError"}
    words = "Automatic content moderation - contact support if you would like to submit for manual review"
    return VendorRefusal(451, kinds.get(path, "TextModerationError"), words)


def too_many() -> VendorRefusal:
    """The vendor's contract does not say how it words this."""
    return VendorRefusal(429, "TooManyRequestsError", "too many requests")


def broken() -> VendorRefusal:
    """The vendor's own fault."""
    return VendorRefusal(500, "InternalServerError", "unknown error")
