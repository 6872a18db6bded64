"""The vendor's error bodies."""


class VendorError(Exception):
    """An answer that is an error: the vendor's status, type, code, parameter and words."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def unknown_key(key: str) -> VendorError:
    """401 for a key that is not one."""
    shown = f"{key[:3]}***{key[-2:]}" if len(key) > 6 else "***"
    return VendorError(f"Incorrect API key provided: {shown}.", status=401, code="invalid_api_key")


def missing_key() -> VendorError:
    """401 for no key at all."""
    return VendorError("You didn't provide an API key. Send it as: Authorization: Bearer YOUR_KEY.", status=401)


def rate_limited(retry_after_seconds: float) -> VendorError:
    """429 with when to come back."""
    after = str(max(1, round(retry_after_seconds)))
    headers = {
        "retry-after": after,
        "retry-after-ms": str(round(retry_after_seconds * 1000)),
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": f"{after}s",
    }
    words = f"Rate limit reached for requests. Limit: 500 / min. Please try again in {after}s."
    return VendorError(words, status=429, kind="requests", code="rate_limit_exceeded", headers=headers)


def server_error() -> VendorError:
    """500 before any work."""
    words = "The server had an error while processing your request. Sorry about that!"
    return VendorError(words, status=500, kind="server_error", code="server_error")


def unknown_model(model: str) -> VendorError:
    """404 for a model that is not there."""
    words = f"The model `{model}` does not exist or you do not have access to it."
    return VendorError(words, status=404, param="model", code="model_not_found")


def missing(param: str) -> VendorError:
    """400 for a parameter that is required."""
    return VendorError(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def unknown_parameter(param: str) -> VendorError:
    """400 for a parameter that does not exist."""
    return VendorError(f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")


def wrong_type(param: str, *, wanted: str, got: object) -> VendorError:
    """400 for a value of another type."""
    words = f"Invalid type for '{param}': expected {wanted}, but got {type(got).__name__} instead."
    return VendorError(words, param=param, code="invalid_type")


def invalid_schema(param: str, why: str) -> VendorError:
    """400 for a schema that cannot be followed."""
    return VendorError(f"Invalid schema for response_format 'answer': {why}", param=param, code="invalid_json_schema")


def blocked_picture() -> VendorError:
    """400 for a picture that the vendor will not draw; from its public documentation, not checked against its contract."""
    words = "Your request was rejected by the safety system."
    return VendorError(words, kind="image_generation_user_error", code="moderation_blocked")
