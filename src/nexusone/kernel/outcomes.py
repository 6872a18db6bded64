"""How an outside call can end badly: it surely did not happen, or nobody knows."""


class DefiniteFailure(Exception):
    """The outside system did not do it. `is_retryable`: the same call may work later."""

    def __init__(self, *, code: str, detail: str, is_retryable: bool, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail
        self.is_retryable, self.retry_after_seconds = is_retryable, retry_after_seconds


class UnknownOutcome(Exception):
    """The call went out and no answer came back: it may have been done. Never repeat it blindly."""

    def __init__(self, *, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
