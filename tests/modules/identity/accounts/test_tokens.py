"""Access tokens against forgers: what our verifier takes, and what it refuses."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.modules.identity.accounts.site import Person, Site

from nexusone.kernel.errors import Unauthenticated
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.service.tokens import AccessClaims, issue, verify
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.vault import MasterKeys

URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(runtime: Runtime, head: dict[str, Any] | str, payload: dict[str, Any] | str, *, key_id: str | None = None) -> str:
    """A token signed with our own key, whatever it says."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(runtime.keys.derive("access-token", key_id=key_id))
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (head, payload)]
    body = ".".join(coded(text.encode()) for text in texts)
    return f"{body}.{coded(key.sign(body.encode()))}"


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    head, payload, signature = token.split(".")
    return json.loads(decoded(head)), json.loads(decoded(payload)), decoded(signature)


@pytest.fixture
def token(ctx: Context) -> str:
    claims = AccessClaims(user_id=new_id(), workspace_id=ctx.workspace, session_id=new_id(), methods=("pwd",), authenticated_at=ctx.now())
    return issue(ctx, claims)


def with_head(runtime: Runtime, token: str) -> Iterator[tuple[str, str]]:
    head, payload, _ = parts_of(token)
    own_jwk = {"kty": "OKP", "crv": "Ed25519", "x": coded(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw())}
    for name, value in {
        "crit": ["exp"],
        "crit of an unknown extension": ["nexus"],
        "jku": "https://evil.example/jwks.json",
        "jwk": own_jwk,
        "x5u": "https://evil.example/cert.pem",
        "x5c": ["MIIB"],
        "b64": False,
        "zip": "DEF",
        "cty": "JWT",
    }.items():
        yield f"head with {name}", signed(runtime, {**head, name.split(" ", maxsplit=1)[0]: value}, payload)
    for typ in ("JWT", "jwt", "AT+JWT", "application/at+jwt", "", None, 7):
        yield f"typ {typ!r}", signed(runtime, {**head, "typ": typ}, payload)
    for name in head:
        yield f"head without {name}", signed(runtime, {key: value for key, value in head.items() if key != name}, payload)
    for algorithm in ("none", "None", "NONE", "", "HS256", "ES256", "RS256", "PS256", "Ed25519", "eddsa", None, ["EdDSA"]):
        yield f"alg {algorithm!r}", signed(runtime, {**head, "alg": algorithm}, payload)
    for kid in ("", "unknown", "../../dev/null", "' or 1=1 --", None, 7, ["k"], {"k": 1}):
        yield f"kid {kid!r}", signed(runtime, {**head, "kid": kid}, payload)


def with_payload(runtime: Runtime, token: str) -> Iterator[tuple[str, str]]:
    head, payload, _ = parts_of(token)
    for name in ("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "ws", "sid", "amr", "auth_time"):
        yield f"without {name}", signed(runtime, head, {key: value for key, value in payload.items() if key != name})
    for name, values in {
        "iss": ("evil", "", None, ["nexusone"], 7),
        "aud": ("other", "", None, [], ["other"], 7, {"nexusone-api": 1}),
        "sub": ("", "x", None, 7, [payload["sub"]]),
        "exp": ("soon", None, "", {}, [], True, -1, 0, payload["iat"] - 1),
        "nbf": (payload["iat"] + 3600, "now", None),
        "ws": ("", "not an id", None, 7),
        "sid": ("", "not an id", None, 7),
        "auth_time": ("then", None, [], 1e300),
    }.items():
        for value in values:
            yield f"{name} {value!r}", signed(runtime, head, {**payload, name: value})
    yield "a payload that is a list", signed(runtime, head, json.dumps([payload]))
    yield "a payload that is text", signed(runtime, head, '"text"')
    yield "a payload that is no JSON", signed(runtime, head, "{")
    yield "an empty payload", signed(runtime, head, "")


def with_signature(runtime: Runtime, token: str) -> Iterator[tuple[str, str]]:
    head, payload, signature = parts_of(token)
    body = token.rpartition(".")[0]
    public = ed25519.Ed25519PrivateKey.from_private_bytes(runtime.keys.derive("access-token")).public_key()
    for position in (0, 31, 32, 63):
        flipped = bytearray(signature)
        flipped[position] ^= 1
        yield f"bit flipped at {position}", f"{body}.{coded(bytes(flipped))}"
    yield "no signature", f"{body}."
    yield "two parts", body
    yield "four parts", f"{token}.{coded(signature)}"
    yield "five parts", f"{token}.a.b"
    yield "zeros", f"{body}.{coded(bytes(64))}"
    yield "short", f"{body}.{coded(signature[:-1])}"
    yield "long", f"{body}.{coded(signature + b'0')}"
    # L, the group's order, added to S gives the same point and must be refused (RFC 8032, 5.1.7).
    order = 2**252 + 27742317777372353535851937790883648493
    malleable = (int.from_bytes(signature[32:], "little") + order).to_bytes(33, "little")[:32]
    yield "S not reduced", f"{body}.{coded(signature[:32] + malleable)}"
    yield "another key", jwt.encode(payload, ed25519.Ed25519PrivateKey.generate(), "EdDSA", head)
    yield "an operators' purpose", signed_for(runtime, "operator-token", head, payload)
    foreign: dict[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = {
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "RS256": rsa.generate_private_key(65537, 2048),
    }
    for algorithm, key in foreign.items():
        yield algorithm, jwt.encode(payload, key, algorithm, {**head, "alg": algorithm})
    for name, secret in {"raw": public.public_bytes_raw(), "text": coded(public.public_bytes_raw()).encode()}.items():
        confused = ".".join(coded(json.dumps(part).encode()) for part in ({**head, "alg": "HS256"}, payload))
        mac = hmac.digest(secret, confused.encode(), hashlib.sha256)
        yield f"the public key as HMAC secret ({name})", f"{confused}.{coded(mac)}"
    unsigned = ".".join(coded(json.dumps(part).encode()) for part in ({**head, "alg": "none"}, payload))
    yield "alg none without signature", f"{unsigned}."
    yield "too long", f"{token}{'A' * 5000}"
    yield "empty", ""
    yield "dots", ".."


def signed_for(runtime: Runtime, purpose: str, head: dict[str, Any], payload: dict[str, Any]) -> str:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(runtime.keys.derive(purpose))
    return jwt.encode(payload, key, "EdDSA", head)


def test_authn_06_forged_tokens_are_refused(runtime: Runtime, token: str) -> None:
    verify(runtime, token)
    forged = [*with_head(runtime, token), *with_payload(runtime, token), *with_signature(runtime, token)]
    assert len(forged) > 100
    taken = []
    for name, text in forged:
        try:
            verify(runtime, text)
        except Unauthenticated:
            continue
        taken.append(name)
    assert taken == []


async def test_authn_06_a_forger_is_answered_401_and_told_nothing(site: Site) -> None:
    person = await site.open_account()
    forged = list(with_signature(site.runtime, person.session["access_token"]))[:6]
    answers = [await site.get("/v1/me", headers={"Authorization": f"Bearer {text}"}) for _, text in forged]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1


@pytest.mark.parametrize(("ahead", "is_taken"), [(timedelta(seconds=29), True), (timedelta(seconds=61), False)])
def test_authn_06_a_clock_that_runs_ahead_is_forgiven_up_to_a_minute(
    ctx: Context, runtime: Runtime, ahead: timedelta, is_taken: bool
) -> None:
    class Ahead:
        def now(self) -> Any:
            return runtime.clock.now() + ahead

    early = replace(ctx, runtime=replace(runtime, clock=Ahead()))
    claims = AccessClaims(user_id=new_id(), workspace_id=ctx.workspace, session_id=new_id(), methods=("pwd",), authenticated_at=ctx.now())
    text = issue(early, claims)
    if is_taken:
        assert verify(runtime, text) == replace(claims, authenticated_at=claims.authenticated_at.replace(microsecond=0))
    else:
        with pytest.raises(Unauthenticated):
            verify(runtime, text)


async def test_authn_07_an_ended_session_stays_ended_however_its_token_is_spelled(site: Site) -> None:
    person = await site.open_account()
    token = person.session["access_token"]
    assert await site.is_alive(person)
    assert (await site.post("/v1/auth/sign-out", headers=person.bearer)).status_code == 204
    head, payload, signature = token.split(".")
    # 64 bytes leave four spare bits in the last sign: sixteen spellings of the same signature.
    spare = [signature[:-1] + sign for sign in URL_SAFE if decoded(signature[:-1] + sign) == decoded(signature)]
    spelled = [f"{head}.{payload}.{spelling}" for spelling in spare]
    spelled += [token + "=" * count for count in (1, 2, 3)] + [f"{head}.{payload}.{signature}\n", f" {token}", f"{token}%3D"]
    assert len(spelled) > 16
    for text in spelled:
        person_again = Person(person.email, person.password, {"access_token": text.strip()})
        assert not await site.is_alive(person_again), text


def test_authn_06_a_token_of_a_retired_key_is_refused(ctx: Context, runtime: Runtime) -> None:
    claims = AccessClaims(user_id=new_id(), workspace_id=ctx.workspace, session_id=new_id(), methods=("pwd",), authenticated_at=ctx.now())
    text = issue(ctx, claims)
    old = runtime.vault.keys
    try:
        grown = old.with_key("k_next").with_primary("k_next")
        runtime.vault.use(grown)
        assert verify(runtime, text).user_id == claims.user_id
        fresh = issue(ctx, claims)
        assert parts_of(fresh)[0]["kid"] == "k_next"
        runtime.vault.use(grown.without(old.primary_id))
        assert verify(runtime, fresh).user_id == claims.user_id
        with pytest.raises(Unauthenticated):
            verify(runtime, text)
    finally:
        runtime.vault.use(old)


async def test_the_public_keys_verify_what_we_sign(site: Site) -> None:
    person = await site.open_account()
    answer = await site.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert "max-age" in answer.headers["cache-control"]
    keys = {key["kid"]: key for key in answer.json()["keys"]}
    assert all(set(key) == {"kty", "crv", "alg", "use", "kid", "x"} for key in keys.values())
    token = person.session["access_token"]
    kid = jwt.get_unverified_header(token)["kid"]
    payload = jwt.decode(token, jwt.PyJWK(keys[kid]), algorithms=["EdDSA"], audience="nexusone-api", issuer="nexusone")
    assert payload["sub"] == person.session["user"]["id"]


def test_no_key_of_one_deployment_signs_for_another(runtime: Runtime, token: str) -> None:
    elsewhere = replace(runtime, vault=type(runtime.vault)(MasterKeys.fresh(), None, runtime.clock))  # type: ignore[arg-type]
    with pytest.raises(Unauthenticated):
        verify(elsewhere, token)
