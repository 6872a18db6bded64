"""Requests of clients that speak this wire, passed on as they are; what comes back is read only for what it cost and says."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, contextmanager
from urllib.parse import quote

import httpx2
from openai import APIStatusError

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.ports.passage import Operation, WireAnswer, WirePiece, WireRefused, WireRequest
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.openai.catalog import priced_models
from nexusone.providers.openai.client import opaque, outcome_of, shown
from nexusone.providers.openai.lines import Opened, line_of
from nexusone.providers.openai.passing import StreamReader, read_whole

DEADLINE_SECONDS = 300.0
ANSWER_BYTES_MAX = 200 * 1024 * 1024
FRAME_BYTES_MAX = 8 * 1024 * 1024
PATHS: Mapping[Operation, str] = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "embeddings": "/embeddings",
    "images": "/images/generations",
}
# Where the wire names the person behind a request.
END_USERS: Mapping[Operation, str] = {"chat": "safety_identifier", "responses": "safety_identifier", "images": "user"}
# A fault of the request itself, which the client can mend; all others are between the vendor and this house.
CLIENTS_FAULTS = frozenset({400, 404, 413, 415, 422})


class OpenAIPassage:
    """A `WirePassage` at any address that speaks this wire; a call takes at most `deadline_seconds`."""

    def __init__(self, *, setup: ProviderSetup, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._line = line_of(setup, deadline_seconds=deadline_seconds)
        self._address, self._version = setup.address.rstrip("/"), setup.credentials.get("api_version")
        self._headers = _headers(setup.credentials)
        self._deadline_seconds = deadline_seconds

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models with known prices that write, draw or compare."""
        return (*priced_models("text"), *priced_models("image"), *priced_models("embedding"))

    async def send(self, request: WireRequest) -> WireAnswer:
        """The whole answer, as it came."""
        url, body = self._url(request), _body(request)
        with _timed():
            async with asyncio.timeout(self._deadline_seconds), self._line.post(url, headers=self._headers, body=body) as answer:
                content = await _bounded(answer)
        _refuse(answer, content)
        return read_whole(request, content, call=answer.headers.get("x-request-id"))

    async def stream(self, request: WireRequest) -> AsyncIterator[WirePiece]:
        """The answer's events, as they come."""
        url, body = self._url(request), _body(request, is_stream=True)
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        reader = StreamReader(request)
        async with AsyncExitStack() as stack:
            with _timed():
                async with asyncio.timeout_at(deadline):
                    answer = await stack.enter_async_context(self._line.post(url, headers=self._headers, body=body))
                    if answer.status >= 300:
                        _refuse(answer, await _bounded(answer))
            async with aclosing(_frames(answer)) as frames:
                while (frame := await _next(frames, deadline=deadline)) is not None:
                    piece = reader.read(frame)
                    if piece is not None:
                        yield piece
                    if reader.has_ended:
                        return
            yield reader.end()

    async def close(self) -> None:
        """Lets go of connections."""
        await self._line.close()

    def _url(self, request: WireRequest) -> str:
        path = PATHS[request.operation]
        if self._version is None:
            return self._address + path
        # The dialect with versions has the model in the path, but for the newer operation.
        place = path if request.operation == "responses" else f"/deployments/{quote(str(request.body['model']), safe='')}{path}"
        return f"{self._address}{place}?api-version={quote(self._version, safe='')}"


def build_passage(setup: ProviderSetup) -> OpenAIPassage:
    """The passage to the address of `setup`, with its `api_key`."""
    return OpenAIPassage(setup=setup)


def _headers(credentials: Mapping[str, str]) -> dict[str, str]:
    key = credentials["api_key"]
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "NexusOne"}
    headers |= {"api-key": key} if "api_version" in credentials else {"Authorization": f"Bearer {key}"}
    named = {"OpenAI-Organization": credentials.get("organization"), "OpenAI-Project": credentials.get("project")}
    return headers | {name: value for name, value in named.items() if value}


def _body(request: WireRequest, *, is_stream: bool = False) -> bytes:
    body = dict(request.body)
    named = END_USERS.get(request.operation)
    if named and request.end_user and not body.get("safety_identifier") and not body.get("user"):
        body[named] = opaque(request.end_user)
    if is_stream and request.operation == "chat":
        options = body.get("stream_options")
        body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except ValueError as error:
        raise WireRefused(status=400, detail="the request cannot be encoded", param=None, reason="invalid_request") from error


@contextmanager
def _timed() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise UnknownOutcome(detail="no answer before the deadline") from error


async def _bounded(answer: Opened) -> bytes:
    content = bytearray()
    async for chunk in answer.pieces:
        content += chunk
        if len(content) > ANSWER_BYTES_MAX:
            raise UnknownOutcome(detail=f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    return bytes(content)


def _refuse(answer: Opened, content: bytes) -> None:
    if answer.status < 300:
        return
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    body = told.get("error") if isinstance(told, dict) else None
    message = str(body.get("message", "")) if isinstance(body, dict) else ""
    # The SDK's own error, so that both ways to this vendor mean the same by it.
    response = httpx2.Response(answer.status, headers=dict(answer.headers), request=httpx2.Request("POST", "https://vendor.invalid"))
    outcome = outcome_of(APIStatusError(message, response=response, body=body if isinstance(body, dict) else None))
    if isinstance(outcome, DefiniteFailure) and answer.status in CLIENTS_FAULTS and isinstance(body, dict):
        raise WireRefused(status=answer.status, detail=shown(message), param=_text(body.get("param")), reason=_text(body.get("code")))
    raise outcome


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) else None


async def _frames(answer: Opened) -> AsyncGenerator[bytes, None]:
    """The events, each without the empty line that ends it."""
    left = b""
    async for chunk in answer.pieces:
        *frames, left = (left + chunk).replace(b"\r\n", b"\n").split(b"\n\n")
        for frame in frames:
            yield frame
        if len(left) > FRAME_BYTES_MAX:
            raise UnknownOutcome(detail=f"an event is longer than {FRAME_BYTES_MAX} bytes")
    if left.strip():
        yield left


async def _next(frames: AsyncIterator[bytes], *, deadline: float) -> bytes | None:
    with _timed():
        async with asyncio.timeout_at(deadline):
            return await anext(frames, None)
