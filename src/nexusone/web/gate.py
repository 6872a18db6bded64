"""The gate every operation passes: credential, rate limit, permission, idempotency key, and back out again."""

import hashlib
import ipaddress
import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, Protocol
from uuid import UUID

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from nexusone.kernel.errors import (
    FieldError,
    InvalidRequest,
    RateLimited,
    Refusal,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UnsupportedMedia,
)
from nexusone.kernel.locale import first_language
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.platform.idempotency import Replay, abandon, claim, record_answer
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.origin import ANONYMOUS, IdempotencyClaim
from nexusone.platform.runtime import Context, Runtime
from nexusone.web.admission import Admission, Arrival, Authenticator
from nexusone.web.problems import Messages, OutcomeUnknown, pointer_step, problem_response, refusal_of
from nexusone.web.rights import OPERATOR, require_right
from nexusone.web.security_trail import SecurityTrail
from nexusone.web.turns import Turns, caller_of

_log = structlog.get_logger(__name__)

KeyUse = Literal["none", "optional", "required"]
Answer = Callable[[Request], Coroutine[Any, Any, Response]]

PUBLIC = "public"
AUTHENTICATED = "authenticated"
KEY_LENGTH_MAX = 255
USER_AGENT_LENGTH_MAX = 300
KEY = re.compile(r"[\x20-\x7e]{1,255}")
CONTEXT_SCOPE_KEY = "nexusone.context"
REQUEST_ID_SCOPE_KEY = "nexusone.request_id"


class IdempotencyKeyMissing(InvalidRequest):
    """The operation moves money, credits or messages and needs an Idempotency-Key."""

    code = "idempotency.key_missing"


class Declared(Protocol):
    """What the gate needs to know of a route."""

    @property
    def operation(self) -> str: ...

    @property
    def permission(self) -> str: ...

    @property
    def key_use(self) -> KeyUse: ...

    @property
    def cost(self) -> int: ...

    @property
    def is_upload(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What an operation reads: query parameters by name (None: any), and the media type of its body (None: it has none)."""

    query: frozenset[str] | None
    media_type: str | None


@dataclass(frozen=True, slots=True)
class Gate:
    """One per process; made with the runtime by the composition."""

    runtime: Runtime
    messages: Messages
    anonymous_rate: str
    turns: Turns
    trusted_proxies: tuple[str, ...] = ()
    trail: SecurityTrail = field(default_factory=SecurityTrail)

    async def pass_through(self, request: Request, declared: Declared, reading: Reading, answer: Answer) -> Response:
        """Admits a request, lets it be answered, and turns refusals into problems."""
        ctx = Context(
            runtime=self.runtime,
            workspace_id=None,
            principal=ANONYMOUS,
            request_id=request.scope.get(REQUEST_ID_SCOPE_KEY, "unknown"),
            locale=_language(request),
            ip=self.client_ip(request),
            user_agent=_user_agent(request),
        )
        headers: dict[str, str] = {}
        try:
            ctx, headers = await self._admit(request, declared, ctx)
            request.scope[CONTEXT_SCOPE_KEY] = ctx
            _refuse_unread(request, reading)
            response = await self._answer_in_turn(request, declared, ctx, answer)
        except (RequestValidationError, HTTPException) as error:
            response = await self._refuse_noted(refusal_of(error), request, declared, ctx)
        except Refusal as refusal:
            response = await self._refuse_noted(refusal, request, declared, ctx)
        except UnknownOutcome as error:
            _log.error("request.outcome_unknown", error=str(error))
            response = self.refuse(OutcomeUnknown(headers={"Retry-After": "2"}), ctx)
        response.headers.update({name: value for name, value in headers.items() if name not in response.headers})
        return response

    async def _refuse_noted(self, refusal: Refusal, request: Request, declared: Declared, ctx: Context) -> Response:
        # A caller who was known and then refused stands in the request, not in what pass_through began with.
        known: Context = request.scope.get(CONTEXT_SCOPE_KEY, ctx)
        await self.trail.note(known, refusal, operation=declared.operation)
        return self.refuse(refusal, ctx)

    def refuse(self, refusal: Refusal, ctx: Context) -> Response:
        """The problem a refusal becomes, in the caller's language."""
        return problem_response(refusal, messages=self.messages, locale=ctx.locale, request_id=ctx.request_id)

    def client_ip(self, request: Request) -> str:
        """The caller's address: the connection's, or what the nearest trusted proxies forwarded."""
        peer = request.client.host if request.client else "0.0.0.0"  # noqa: S104 - a placeholder, not a bind
        if peer not in self.trusted_proxies:
            return peer if _is_ip(peer) else "0.0.0.0"  # noqa: S104 - a placeholder, not a bind
        lines = ",".join(request.headers.getlist("x-forwarded-for"))
        forwarded = [part.strip() for part in lines.split(",") if part.strip()]
        while peer in self.trusted_proxies and forwarded:
            peer = forwarded.pop()
        return str(ipaddress.ip_address(peer)) if _is_ip(peer) else "0.0.0.0"  # noqa: S104 - a placeholder

    async def _admit(self, request: Request, declared: Declared, ctx: Context) -> tuple[Context, dict[str, str]]:
        if declared.permission == PUBLIC:
            return ctx, {} if declared.cost == 0 else await self._take_anonymously(ctx, declared)
        arrival = Arrival(
            authorization=request.headers.get("authorization"),
            ip=ctx.ip or "",
            user_agent=ctx.user_agent,
            request_id=ctx.request_id,
            language=request.headers.get("accept-language"),
            cost=declared.cost,
            operation=declared.operation,
            realm="operator" if declared.permission == OPERATOR else "workspace",
        )
        try:
            admission = await self._admit_in_turn(arrival)
        except Unauthenticated as refusal:
            refusal.headers.update(await self._take_anonymously(ctx, declared))
            raise
        structlog.contextvars.bind_contextvars(workspace_id=str(admission.ctx.workspace_id))
        request.scope[CONTEXT_SCOPE_KEY] = admission.ctx
        if declared.permission != AUTHENTICATED:
            require_right(admission.ctx, declared.permission, headers=admission.headers)
        return admission.ctx, dict(admission.headers)

    async def _admit_in_turn(self, arrival: Arrival) -> Admission:
        caller = caller_of(arrival.authorization or "")
        self.turns.refuse_again(caller, cost=arrival.cost)
        async with self.turns.turn(caller):
            try:
                return await self.runtime.port(Authenticator).admit(self.runtime, arrival)
            except RateLimited as refusal:
                self.turns.remember(caller, cost=arrival.cost, refusal=refusal)
                raise

    async def _answer_in_turn(self, request: Request, declared: Declared, ctx: Context, answer: Answer) -> Response:
        # What costs more also lasts longer, and must not keep a workspace's own short questions waiting.
        if declared.cost > 1 or ctx.workspace_id is None:
            return await self._answer_once(request, declared, ctx, answer)
        async with self.turns.turn(str(ctx.workspace_id)):
            return await self._answer_once(request, declared, ctx, answer)

    async def _take_anonymously(self, ctx: Context, declared: Declared) -> dict[str, str]:
        limit = Limit(policy="anonymous", rate=rate(self.anonymous_rate), subject=ctx.ip or "", cost=max(1, declared.cost))
        return await take(ctx, [limit])

    async def _answer_once(self, request: Request, declared: Declared, ctx: Context, answer: Answer) -> Response:
        wanted = await self._claim_of(request, declared, ctx)
        if wanted is None:
            return await answer(request)
        claimed = await claim(ctx, wanted)
        if isinstance(claimed, Replay):
            return _replay(claimed)
        request.scope[CONTEXT_SCOPE_KEY] = replace(ctx, idempotency=claimed)
        is_done = False
        try:
            response = await answer(request)
            # A stream has no body that could be given again; what it did is concluded by whoever streams.
            is_done = response.status_code < 300 and not isinstance(response, StreamingResponse)
        finally:
            if not is_done:
                # A recorded effect stays: the next request with the key is told of it.
                with suppress(Unavailable, UnknownOutcome):
                    await abandon(ctx, claimed)
        if is_done:
            await record_answer(ctx, claimed, body=bytes(response.body))
        return response

    async def _claim_of(self, request: Request, declared: Declared, ctx: Context) -> IdempotencyClaim | None:
        if declared.key_use == "none":
            return None
        key = _idempotency_key(request)
        if key is None:
            if declared.key_use == "required":
                raise IdempotencyKeyMissing
            return None
        seen = request.headers.get("content-length", "").encode() if declared.is_upload else await request.body()
        return IdempotencyClaim(
            principal_id=ctx.principal.id or UUID(int=0),
            method=request.method,
            path=request.url.path,
            key=key,
            fingerprint=hashlib.sha256(_preference(request) + request.url.query.encode() + b"\n" + seen).digest(),
            status=_success_status(request),
        )


def context_of(request: Request) -> Context:
    """The context the gate made for this request."""
    ctx: Context = request.scope[CONTEXT_SCOPE_KEY]
    return ctx


def _preference(request: Request) -> bytes:
    # How to answer is part of what is asked. Without it the fingerprint is that of query and body alone.
    asked = ",".join(request.headers.getlist("prefer"))
    return f"{asked}\n".encode("latin-1") if asked else b""


def _user_agent(request: Request) -> str | None:
    shown = "".join(sign for sign in request.headers.get("user-agent", "") if sign.isprintable())
    return shown[:USER_AGENT_LENGTH_MAX] or None


def _success_status(request: Request) -> int:
    route = request.scope.get("route")
    return int(getattr(route, "status_code", None) or 200)


def _replay(replayed: Replay) -> Response:
    media_type = "application/json" if replayed.body else None
    return Response(replayed.body, replayed.status, {"Idempotent-Replayed": "true"}, media_type)


def _idempotency_key(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    text = given[0].strip()
    key = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    if len(given) > 1 or not KEY.fullmatch(key):
        raise InvalidRequest(reason=f"an Idempotency-Key is one text of 1 to {KEY_LENGTH_MAX} printable ASCII characters")
    return key


def _refuse_unread(request: Request, reading: Reading) -> None:
    items = request.query_params.multi_items()
    names = [name for name, _ in items]
    if len(names) != len(set(names)):
        raise InvalidRequest(reason="a query parameter stands twice")
    if any("\x00" in text for item in items for text in item):
        raise InvalidRequest(reason="NUL characters are not allowed")
    if reading.query is not None and (unknown := [name for name in names if name not in reading.query]):
        raise Unprocessable(errors=tuple(_unknown_parameter(name) for name in unknown[:50]), count=len(unknown))
    if reading.media_type is not None and _has_body(request) and _media_type(request) != reading.media_type:
        raise UnsupportedMedia(expected=reading.media_type)


def _unknown_parameter(name: str) -> FieldError:
    return FieldError(pointer=f"#query/{pointer_step(name[:200])}", code="unknown", detail="there is no such parameter")


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _language(request: Request) -> str:
    return first_language(request.headers.get("accept-language", "")) or "en"


@lru_cache(maxsize=1024)
def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
