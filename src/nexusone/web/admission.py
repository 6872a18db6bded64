"""Who may come in: what a door asks of the module that knows credentials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from nexusone.platform.runtime import Context, Runtime


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a request shows of itself before its body is read. `cost` is what it takes from the rate limit.

    `operation` is what is asked for; `realm` says whose tokens are known at that door.
    """

    authorization: str | None
    ip: str
    user_agent: str | None
    request_id: str
    language: str | None
    cost: int
    operation: str = ""
    realm: Literal["workspace", "operator"] = "workspace"


@dataclass(frozen=True, slots=True)
class Admission:
    """The context of a caller whose credential holds, and the rate-limit headers of the answer."""

    ctx: Context
    headers: Mapping[str, str]


class Authenticator(Protocol):
    """Checks credentials and takes the caller's rate limit, in one statement.

    Raises:
        Unauthenticated: no, forged, expired or revoked credential.
        RateLimited: the caller's limit is used up.
    """

    async def admit(self, runtime: Runtime, arrival: Arrival) -> Admission: ...
