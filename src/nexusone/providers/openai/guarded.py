"""The vendor's SDK over the product's own outgoing HTTP: for addresses that customers name, so that none leads into private networks."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import httpx2

from nexusone.platform.addresses import LIVE, sandbox_reach
from nexusone.platform.http import OutgoingHttp

# What the connection decides for itself, and packed answers, which it does not take.
NOT_PASSED = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Every address a host resolves to is judged, and the judged one is connected to; redirects are answers."""

    def __init__(self, http: OutgoingHttp) -> None:
        self._http = http

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request. Raises: DefiniteFailure and UnknownOutcome as `OutgoingHttp` does."""
        passed = {name: value for name, value in request.headers.items() if name.lower() not in NOT_PASSED}
        stack, body = AsyncExitStack(), await request.aread()
        opened = self._http.opened(request.method, str(request.url), headers=passed, body=body, is_file=True)
        answer = await stack.enter_async_context(opened)
        return httpx2.Response(answer.status, headers=list(answer.headers.items()), stream=_Answer(answer, stack), request=request)

    async def aclose(self) -> None:
        """Ends all connections."""
        await self._http.close()


class _Answer(httpx2.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse, stack: AsyncExitStack) -> None:
        self._answer, self._stack = answer, stack

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.content.iter_any():
                yield piece
        except (aiohttp.ClientError, TimeoutError) as error:
            raise httpx2.ReadError(type(error).__name__) from error

    async def aclose(self) -> None:
        await self._stack.aclose()


def guarded_transport(address: str, *, is_sandbox: bool, deadline_seconds: float) -> GuardedTransport:
    """A transport to public addresses, or in the sandbox to this one on this machine."""
    reach = sandbox_reach("/".join(address.split("/")[:3])) if is_sandbox else LIVE
    return GuardedTransport(OutgoingHttp(reach, total_seconds=deadline_seconds))
