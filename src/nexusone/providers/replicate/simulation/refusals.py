"""The vendor's error bodies: a title, a sentence, the status."""


class VendorError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, title: str, detail: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.headers = status, headers or {}
        self.body = {"title": title, "detail": detail, "status": status}


def unauthenticated() -> VendorError:
    """401."""
    return VendorError(401, "Unauthenticated", "You did not pass a valid authentication token")


def not_found() -> VendorError:
    """404."""
    return VendorError(404, "Not found", "The requested resource could not be found.")


def invalid(detail: str) -> VendorError:
    """422 for a request that is none."""
    return VendorError(422, "Input validation failed", detail)


def throttled(retry_after_seconds: float) -> VendorError:
    """429 with when to come back."""
    after = max(1, round(retry_after_seconds))
    detail = f"Request was throttled. Expected available in {after} seconds."
    return VendorError(429, "Too many requests", detail, headers={"retry-after": str(after)})


def server_error() -> VendorError:
    """500, whether anything was done or not."""
    return VendorError(500, "Internal server error", "Something went wrong. Please try again later.")
