"""Lines to the vendor for requests that are passed on: the product's own outgoing HTTP wherever it may go, and else the SDK's."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import httpx2

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.platform.addresses import LIVE, AddressRefused, Reach, check_url, sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.openai.client import NOTHING_WAS_SENT, open_http


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer that has begun; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Line(Protocol):
    """Posts to one address."""

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> AbstractAsyncContextManager[Opened]:
        """One request and its answer, to be read within the block.

        Raises:
            DefiniteFailure: nothing was sent.
            UnknownOutcome: sent, and no (or no whole) answer came back.
        """
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


class OwnLine:
    """By the product's own client, which is several times lighter."""

    def __init__(self, reach: Reach, *, deadline_seconds: float) -> None:
        self._http = OutgoingHttp(reach, total_seconds=deadline_seconds)

    @asynccontextmanager
    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> AsyncIterator[Opened]:
        """See `Line`."""
        async with self._http.opened("POST", url, headers=headers, body=body, is_file=True) as answer:
            named = {name.lower(): value for name, value in answer.headers.items()}
            yield Opened(answer.status, named, answer.content.iter_any())

    async def close(self) -> None:
        """Lets go of connections."""
        await self._http.close()


class SdkLine:
    """By the SDK's client, for a compatible server in the deployment's own network or behind a proxy."""

    def __init__(self, address: str, *, deadline_seconds: float) -> None:
        self._http = open_http(address, deadline_seconds=deadline_seconds, is_sandbox=False)

    @asynccontextmanager
    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> AsyncIterator[Opened]:
        """See `Line`."""
        try:
            async with self._http.stream("POST", url, content=body, headers=dict(headers)) as response:
                yield Opened(response.status_code, response.headers, response.aiter_bytes())
        except NOTHING_WAS_SENT as error:
            raise DefiniteFailure(code="vendor.unreachable", detail="no connection could be made", is_retryable=True) from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise UnknownOutcome(detail=f"the connection ended before the answer did: {type(error).__name__}") from error

    async def close(self) -> None:
        """Lets go of connections."""
        await self._http.aclose()


def line_of(setup: ProviderSetup, *, deadline_seconds: float) -> Line:
    """The line to the address of `setup`."""
    if setup.is_sandbox:
        return OwnLine(sandbox_reach("/".join(setup.address.split("/")[:3])), deadline_seconds=deadline_seconds)
    try:
        check_url(setup.address, reach=LIVE)
    except AddressRefused:
        if not setup.is_guarded:
            return SdkLine(setup.address, deadline_seconds=deadline_seconds)
    return OwnLine(LIVE, deadline_seconds=deadline_seconds)
