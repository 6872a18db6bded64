"""A small client of the public REST API, as an integrator would write it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=60)
POLL_SECONDS = 0.15


class ApiRefused(RuntimeError):
    """The API answered with a problem."""

    def __init__(self, *, status: int, problem: Mapping[str, Any], asked: str) -> None:
        super().__init__(f"{asked} was answered {status} {problem.get('code', '')}: {problem.get('detail', problem)}")
        self.status, self.problem = status, problem


class StoryFailed(RuntimeError):
    """What was promised is not what happened."""


class ApiClient:
    """Asks one deployment; `token` is an access token or an API key."""

    def __init__(self, session: aiohttp.ClientSession, *, token: str | None = None) -> None:
        self._session = session
        self._token = token

    def signed_in(self, token: str) -> "ApiClient":
        """The same client with a credential."""
        return ApiClient(self._session, token=token)

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET, with the query's parameters."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> dict[str, Any]:
        """POST of JSON; `key` becomes the Idempotency-Key."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self._ask("POST", path, json=dict(body or {}), headers=headers)

    async def upload(self, path: str, *, name: str, content: bytes) -> dict[str, Any]:
        """POST of a file as multipart form."""
        form = aiohttp.FormData()
        form.add_field("file", content, filename=name, content_type="text/csv")
        return await self._ask("POST", path, data=form)

    async def list_all(self, path: str, **query: str) -> AsyncIterator[dict[str, Any]]:
        """All items of a list, page by page."""
        cursor: str | None = None
        while True:
            page = await self.get(path, limit="100", **query, **({"cursor": cursor} if cursor else {}))
            for item in page["items"]:
                yield item
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def visit(self, url: str, *, method: str = "GET", form: Mapping[str, str] | None = None) -> int:
        """Opens an address as a mail reader would: without credential, without following. Returns the status."""
        async with self._session.request(method, url, data=form, allow_redirects=False) as answer:
            await answer.read()
            return answer.status

    async def until(self, path: str, is_done: Callable[[dict[str, Any]], bool], *, seconds: float = 120.0) -> dict[str, Any]:
        """Polls a resource until it is done."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            found = await self.get(path)
            if is_done(found):
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise StoryFailed(f"{path} was not done within {seconds:.0f} seconds: {found}")
            await asyncio.sleep(POLL_SECONDS)

    async def _ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> dict[str, Any]:
        sent = dict(headers or {})
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        async with self._session.request(method, path, headers=sent, **options) as answer:
            body: dict[str, Any] = await answer.json(content_type=None) if answer.status != 204 else {}
            if answer.status >= 400:
                raise ApiRefused(status=answer.status, problem=body, asked=f"{method} {path}")
            return body


@asynccontextmanager
async def api_client(address: str) -> AsyncIterator[ApiClient]:
    """A client of the deployment at an address."""
    async with aiohttp.ClientSession(address, timeout=TIMEOUT) as session:
        yield ApiClient(session)
