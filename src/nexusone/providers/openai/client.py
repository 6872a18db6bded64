"""The vendor's client: bounded in time, never repeating a call, every bad ending named as definite or unknown."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import httpx2
from openai import APIConnectionError, APIError, APIStatusError, AsyncAzureOpenAI, AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.openai.guarded import guarded_transport

CONNECTIONS_MAX = 100
# Shorter than the five seconds after which common servers close an idle connection: no call goes into a closing one.
IDLE_SECONDS_MAX = 4.0
DETAIL_CHARACTERS_MAX = 300
END_USER_CHARACTERS_MAX = 64
RETRY_AFTER_SECONDS_MAX = 86_400.0
KEY = re.compile(r"\b(sk|pk)-[\w*.-]+")

NOTHING_WAS_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
# `moderation_blocked` is what pictures are refused with: from the vendor's public documentation, not checked against its contract.
CONTENT_REFUSALS = frozenset({"content_filter", "content_policy_violation", "invalid_prompt", "bio_policy", "moderation_blocked"})
RETRYABLE_STATUSES = frozenset({408, 409, 429})
CODES = {401: "vendor.unauthorized", 403: "vendor.forbidden", 404: "vendor.not_found", 429: "vendor.rate_limited"}


def client_of(setup: ProviderSetup, *, deadline_seconds: float) -> AsyncOpenAI:
    """A client by what the vault holds: `api_key`, and where they are given `organization`, `project` and `api_version`."""
    return open_client(
        address=setup.address,
        api_key=setup.credentials["api_key"],
        deadline_seconds=deadline_seconds,
        is_sandbox=setup.is_sandbox,
        organization=setup.credentials.get("organization"),
        project=setup.credentials.get("project"),
        api_version=setup.credentials.get("api_version"),
        is_guarded=setup.is_guarded,
    )


def open_client(
    *,
    address: str,
    api_key: str,
    deadline_seconds: float,
    is_sandbox: bool,
    organization: str | None = None,
    project: str | None = None,
    api_version: str | None = None,
    is_guarded: bool = False,
) -> AsyncOpenAI:
    """A client of any address that speaks this wire; in the sandbox no proxy of the environment is used.

    With an `api_version` it speaks the dialect that has one: the key as `api-key`, a deployment of the model's name in the
    path, and the version behind it. The address then ends in `/openai`. An address that is a customer's word is guarded.
    """
    http = open_http(address, deadline_seconds=deadline_seconds, is_sandbox=is_sandbox, is_guarded=is_guarded)
    if api_version is not None:
        return AsyncAzureOpenAI(
            api_key=api_key,
            api_version=api_version,
            base_url=address,
            organization=organization,
            project=project,
            http_client=http,
            max_retries=0,
        )
    return AsyncOpenAI(api_key=api_key, base_url=address, organization=organization, project=project, http_client=http, max_retries=0)


def open_http(address: str, *, deadline_seconds: float, is_sandbox: bool, is_guarded: bool = False) -> httpx2.AsyncClient:
    """Connections bounded in time and number; in the sandbox no proxy of the environment is used. See `open_client`."""
    transport = guarded_transport(address, is_sandbox=is_sandbox, deadline_seconds=deadline_seconds) if is_guarded else None
    return DefaultAsyncHttpxClient(
        timeout=httpx2.Timeout(deadline_seconds, connect=min(5.0, deadline_seconds), pool=min(10.0, deadline_seconds)),
        limits=httpx2.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX, keepalive_expiry=IDLE_SECONDS_MAX),
        # A redirect could carry a workspace's words to another host.
        follow_redirects=False,
        trust_env=not is_sandbox and not is_guarded,
        transport=transport,
    )


@contextmanager
def named_outcomes() -> Iterator[None]:
    """Turns what the SDK raises into DefiniteFailure or UnknownOutcome."""
    try:
        yield
    except OpenAIError as error:
        raise outcome_of(error) from error
    except TimeoutError as error:
        raise UnknownOutcome(detail="no answer before the deadline") from error
    except UnicodeEncodeError as error:
        raise DefiniteFailure(code="vendor.rejected", detail="the request cannot be encoded", is_retryable=False) from error
    except ValueError as error:
        raise UnknownOutcome(detail="the answer cannot be read") from error


def outcome_of(error: OpenAIError) -> DefiniteFailure | UnknownOutcome:
    """What an error of the SDK means for whether the vendor wrote."""
    if isinstance(error, APIStatusError):
        return _status_outcome(error)
    if isinstance(error, APIConnectionError):
        if isinstance(error.__cause__, DefiniteFailure | UnknownOutcome):
            return error.__cause__
        if isinstance(error.__cause__, NOTHING_WAS_SENT):
            return DefiniteFailure(code="vendor.unreachable", detail="no connection could be made", is_retryable=True)
        return UnknownOutcome(detail=f"the connection ended before the answer did: {type(error.__cause__).__name__}")
    if isinstance(error, APIError):
        return UnknownOutcome(detail=shown(error.message))
    return UnknownOutcome(detail=type(error).__name__)


def failure_of(*, code: str | None, message: str) -> DefiniteFailure:
    """A failure that the vendor tells inside an answer, by its own code."""
    if code in CONTENT_REFUSALS:
        return DefiniteFailure(code="vendor.refused_content", detail=shown(message), is_retryable=False)
    if code == "rate_limit_exceeded":
        return DefiniteFailure(code="vendor.rate_limited", detail=shown(message), is_retryable=True)
    if code == "server_error":
        return DefiniteFailure(code="vendor.unavailable", detail=shown(message), is_retryable=True)
    return DefiniteFailure(code="vendor.rejected", detail=shown(message), is_retryable=False)


def opaque(end_user: str) -> str:
    """An end user's id as the vendor takes it."""
    return end_user if len(end_user) <= END_USER_CHARACTERS_MAX else sha256(end_user.encode()).hexdigest()


def shown(message: str) -> str:
    """A vendor's words as they may be kept: without keys, at most 300 characters."""
    return KEY.sub("sk-…", message)[:DETAIL_CHARACTERS_MAX]


def _status_outcome(error: APIStatusError) -> DefiniteFailure | UnknownOutcome:
    status = error.status_code
    if status >= 500:
        return _server_outcome(error)
    if error.code in CONTENT_REFUSALS:
        return failure_of(code=error.code, message=error.message)
    if status == 401:
        return DefiniteFailure(code=CODES[401], detail="the vendor does not know this key", is_retryable=False)
    if error.code == "insufficient_quota":
        return DefiniteFailure(code="vendor.quota_exhausted", detail=shown(error.message), is_retryable=False)
    return DefiniteFailure(
        code=CODES.get(status, "vendor.rejected"),
        detail=shown(error.message),
        is_retryable=status in RETRYABLE_STATUSES,
        retry_after_seconds=_retry_after_seconds(error.response),
    )


def _server_outcome(error: APIStatusError) -> DefiniteFailure | UnknownOutcome:
    """Only the vendor's own error body says that nothing was done; a gateway's page, or its 504, does not."""
    if error.status_code == 504 or not isinstance(error.body, dict) or "message" not in error.body:
        return UnknownOutcome(detail=f"answered {error.status_code} without saying what became of the request")
    return DefiniteFailure(
        code="vendor.unavailable",
        detail=shown(error.message),
        is_retryable=True,
        retry_after_seconds=_retry_after_seconds(error.response),
    )


def _retry_after_seconds(response: httpx2.Response) -> float | None:
    for header, per_second in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(response.headers.get(header, "")) / per_second
        except ValueError:
            continue
        if 0 <= seconds <= RETRY_AFTER_SECONDS_MAX:
            return seconds
    return None
