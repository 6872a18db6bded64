"""Identity providers for the sandbox: every path `/<tenant>` is an issuer of its own, with a sign-in page, tokens and keys.

Any client may ask, with the secret `sandbox-secret`. `PUT /<tenant>/_people`, `/_faults`, `POST /<tenant>/_rotate` change what
an issuer does; `PUT /domains/<domain>` is the proof that stands at a domain.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from nexusone.platform.provider import SimulatorParts, SimulatorSetup
from nexusone.providers.oidc.simulation.faults import Fault
from nexusone.providers.oidc.simulation.pages import POLICY, sign_in_page
from nexusone.providers.oidc.simulation.tenant import CODE_SECONDS, Code, SimulatedPerson, Tenant
from nexusone.providers.oidc.simulation.tokens import TOKEN_SECONDS, id_token, public_keys

CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - the sandbox's own, known to everybody
ASKED = ("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method")
FORM_BYTES_MAX = 64 * 1024
TENANTS_MAX = 1000
PEOPLE = TypeAdapter(list[SimulatedPerson])


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in `setup.data`."""
    return SimulatorParts(app=build_app())


def build_app() -> Starlette:
    """The simulator's app, with tenants of its own."""
    simulator = _Simulator()
    routes = [
        Route("/domains/{domain}", simulator.show_proof, methods=["GET"]),
        Route("/domains/{domain}", simulator.put_proof, methods=["PUT"]),
        Route("/{tenant}/.well-known/openid-configuration", simulator.describe, methods=["GET"]),
        Route("/{tenant}/authorize", simulator.ask, methods=["GET"]),
        Route("/{tenant}/authorize", simulator.choose, methods=["POST"]),
        Route("/{tenant}/token", simulator.trade, methods=["POST"]),
        Route("/{tenant}/userinfo", simulator.tell, methods=["GET"]),
        Route("/{tenant}/keys", simulator.show_keys, methods=["GET"]),
        Route("/{tenant}/_people", simulator.set_people, methods=["PUT"]),
        Route("/{tenant}/_faults", simulator.set_fault, methods=["PUT"]),
        Route("/{tenant}/_faults", simulator.end_fault, methods=["DELETE"]),
        Route("/{tenant}/_rotate", simulator.rotate, methods=["POST"]),
        Route("/{tenant}/_state", simulator.show_state, methods=["GET"]),
    ]
    return Starlette(routes=routes)


class _Simulator:
    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}
        self._proofs: dict[str, str] = {}

    async def describe(self, request: Request) -> Response:
        issuer = _issuer(request)
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "jwks_uri": f"{issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def ask(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in ASKED}
        if (fault := _fault_of(asked)) is not None:
            return PlainTextResponse(fault, 400)
        page = sign_in_page(
            self._tenant(request).people.values(),
            asked=asked,
            action=f"{_issuer(request)}/authorize",
            tenant=request.path_params["tenant"],
        )
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    async def choose(self, request: Request) -> Response:
        form = await _form(request)
        asked = {name: form.get(name, "") for name in ASKED}
        if (fault := _fault_of(asked)) is not None:
            return PlainTextResponse(fault, 400)
        tenant = self._tenant(request)
        person = tenant.people.get(form.get("person", ""))
        answer = {"state": asked["state"], "iss": _issuer(request)}
        if person is None:
            answer["error"] = "access_denied"
        else:
            answer["code"] = tenant.give_code(
                Code(asked["client_id"], asked["redirect_uri"], asked["code_challenge"], asked["nonce"], person, time.time())
            )
        if tenant.faults.takes("no_iss_parameter"):
            answer.pop("iss")
        if tenant.faults.takes("wrong_iss_parameter"):
            answer["iss"] = "https://issuer.example.com"
        joint = "&" if "?" in asked["redirect_uri"] else "?"
        return RedirectResponse(f"{asked['redirect_uri']}{joint}{urlencode(answer)}", 303)

    async def trade(self, request: Request) -> Response:
        tenant = self._tenant(request)
        form = await _form(request)
        client_id = _client_of(request, form)
        if (broken := _broken_answer(tenant)) is not None:
            return broken
        if client_id is None:
            return _error("invalid_client", 401)
        code = tenant.codes.pop(form.get("code", ""), None)
        if code is None or not _is_traded_rightly(code, form, client_id):
            return _error("invalid_grant", 400)
        access_token = tenant.give_access(code.person)
        token = id_token(tenant, code, issuer=_issuer(request), access_token=access_token, now=int(time.time()))
        answer = {"access_token": access_token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "id_token": token}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def tell(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        person = self._tenant(request).access.get(token) if scheme.lower() == "bearer" else None
        if person is None:
            return Response(status_code=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return JSONResponse({"sub": person.sub, "email": person.email, "email_verified": person.email_verified, "name": person.name})

    async def show_keys(self, request: Request) -> Response:
        tenant = self._tenant(request)
        tenant.keys_asked += 1
        if tenant.faults.takes("keys_garbage"):
            return PlainTextResponse("<html>", 200)
        return JSONResponse(public_keys(tenant))

    async def set_people(self, request: Request) -> Response:
        try:
            people = PEOPLE.validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=422)
        self._tenant(request).people = {person.sub: person for person in people}
        return Response(status_code=204)

    async def set_fault(self, request: Request) -> Response:
        try:
            self._tenant(request).faults.set(Fault.model_validate_json(await request.body()))
        except ValidationError as error:
            return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=422)
        return Response(status_code=204)

    async def end_fault(self, request: Request) -> Response:
        self._tenant(request).faults.set(None)
        return Response(status_code=204)

    async def rotate(self, request: Request) -> Response:
        self._tenant(request).rotate(keeps_old=request.query_params.get("keep", "true") == "true")
        return Response(status_code=204)

    async def show_state(self, request: Request) -> Response:
        tenant = self._tenant(request)
        return JSONResponse({"keys_asked": tenant.keys_asked, "keys": len(tenant.keys), "people": sorted(tenant.people)})

    async def show_proof(self, request: Request) -> Response:
        found = self._proofs.get(request.path_params["domain"])
        return PlainTextResponse(found) if found is not None else Response(status_code=404)

    async def put_proof(self, request: Request) -> Response:
        self._proofs[request.path_params["domain"]] = (await request.body()).decode("ascii", "replace")[:1000]
        return Response(status_code=204)

    def _tenant(self, request: Request) -> Tenant:
        name = request.path_params["tenant"]
        if name not in self._tenants and len(self._tenants) >= TENANTS_MAX:
            self._tenants.pop(next(iter(self._tenants)))
        if name not in self._tenants:
            self._tenants[name] = Tenant()
        return self._tenants[name]


def _issuer(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}/{request.path_params['tenant']}"


def _fault_of(asked: dict[str, str]) -> str | None:
    if asked["response_type"] != "code" or "openid" not in asked["scope"].split():
        return "only response_type=code with the scope openid is answered"
    if asked["code_challenge_method"] != "S256" or len(asked["code_challenge"]) != 43:
        return "a code_challenge with S256 is required"
    if not asked["client_id"] or not asked["state"] or not asked["nonce"]:
        return "client_id, state and nonce are required"
    return (
        None if asked["redirect_uri"].startswith(("https://", "http://127.0.0.1", "http://localhost", "http://test")) else "no redirect_uri"
    )


def _is_traded_rightly(code: Code, form: dict[str, str], client_id: str) -> bool:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
    return (
        form.get("grant_type") == "authorization_code"
        and code.client_id == client_id
        and code.redirect_uri == form.get("redirect_uri")
        and hmac.compare_digest(challenge, code.challenge)
        and time.time() - code.given_at < CODE_SECONDS
    )


def _client_of(request: Request, form: dict[str, str]) -> str | None:
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, packed = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    return client_id if client_id and secret == CLIENT_SECRET else None


def _broken_answer(tenant: Tenant) -> Response | None:
    match tenant.faults.takes("token_redirect", "token_error", "token_garbage", "token_huge"):
        case "token_redirect":
            return RedirectResponse("http://169.254.169.254/latest/meta-data/", 307)
        case "token_error":
            return _error("server_error", 500)
        case "token_garbage":
            return PlainTextResponse("<html>upstream</html>")
        case "token_huge":
            return PlainTextResponse("x" * (2 * 1024 * 1024))
        case _:
            return None


def _error(code: str, status: int) -> Response:
    return JSONResponse({"error": code}, status_code=status)


async def _form(request: Request) -> dict[str, str]:
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > FORM_BYTES_MAX:
            return {}
    pairs: list[Any] = parse_qsl(raw.decode("ascii", "replace"), keep_blank_values=True)
    return dict(pairs)
