"""Access tokens: what we did not sign, for here, for now, as this kind, lets nobody in."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.customers import Customer, customer_at

from nexusone.apps.compose import Composition
from nexusone.modules.identity.service.tokens import PURPOSE
from nexusone.platform.vault import MasterKeys

Forge = Callable[[dict[str, Any], dict[str, Any]], str]


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    return f"{encoded(header)}.{encoded(claims)}.{signature}"


def our_key(keys: MasterKeys, header: dict[str, Any]) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.derive(PURPOSE, key_id=header["kid"]))


def signed_by_us(keys: MasterKeys) -> Forge:
    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        return jwt.encode(claims, our_key(keys, header), "EdDSA", header)

    return sign


async def status_of(customer: Customer, token: str) -> int:
    return (await customer.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def test_our_own_token_is_accepted_and_so_is_the_way_the_test_signs(customer: Customer, keys: MasterKeys) -> None:
    token = customer.session["access_token"]
    header, claims = parts_of(token)
    assert header["alg"] == "EdDSA"
    assert await status_of(customer, token) == 200
    assert await status_of(customer, signed_by_us(keys)(header, claims)) == 200


CLAIMS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "other-api"},
    "audiences, none ours": {"aud": ["a", "b"]},
    "no audience": {"aud": None},
    "another issuer": {"iss": "somebody"},
    "no issuer": {"iss": None},
    "no expiry": {"exp": None},
    "an expiry of text": {"exp": "soon"},
    "an endless expiry": {"exp": 1e400},
    "no beginning": {"nbf": None},
    "no session": {"sid": None},
    "a session that is none": {"sid": "x"},
    "a list for a session": {"sid": []},
    "no workspace": {"ws": None},
    "a workspace that is none": {"ws": "'; drop table identity.session; --"},
    "no subject": {"sub": None},
    "no id": {"jti": None},
    "another subject": {"sub": "0198c0de-0000-7000-8000-000000000000"},
    "another session": {"sid": "0198c0de-0000-7000-8000-000000000000"},
    "another workspace": {"ws": "0198c0de-0000-7000-8000-000000000000"},
}


@pytest.mark.parametrize("changed", CLAIMS.values(), ids=CLAIMS.keys())
async def test_claims_that_are_not_ours_are_refused_even_with_our_signature(
    customer: Customer, keys: MasterKeys, changed: dict[str, Any]
) -> None:
    header, claims = parts_of(customer.session["access_token"])
    wanted = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    body = f"{encoded(header)}.{encoded(wanted)}"
    signature = base64.urlsafe_b64encode(our_key(keys, header).sign(body.encode())).rstrip(b"=").decode()
    assert await status_of(customer, f"{body}.{signature}") == 401


HEADERS: dict[str, dict[str, Any]] = {
    "another type": {"typ": "JWT"},
    "no type": {"typ": None},
    "an unknown key": {"kid": "other"},
    "no key": {"kid": None},
    "a list of keys": {"kid": ["a"]},
    "a path for a key": {"kid": "../../etc/passwd"},
    "a critical extension": {"crit": ["b64"], "b64": False},
    "an unknown critical extension": {"crit": ["x"], "x": 1},
}


@pytest.mark.parametrize("changed", HEADERS.values(), ids=HEADERS.keys())
async def test_headers_that_are_not_ours_are_refused_even_with_our_signature(
    customer: Customer, keys: MasterKeys, changed: dict[str, Any]
) -> None:
    header, claims = parts_of(customer.session["access_token"])
    wanted = {name: value for name, value in {**header, **changed}.items() if value is not None}
    body = f"{encoded(wanted)}.{encoded(claims)}"
    signature = base64.urlsafe_b64encode(our_key(keys, header).sign(body.encode())).rstrip(b"=").decode()
    assert await status_of(customer, f"{body}.{signature}") == 401


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "HS256", "RS256", "ES256", "EdDSA", "", None, 1])
@pytest.mark.parametrize("signature", ["", "AA", "A" * 86])
async def test_an_unsigned_token_is_refused_whatever_it_calls_itself(customer: Customer, algorithm: object, signature: str) -> None:
    header, claims = parts_of(customer.session["access_token"])
    assert await status_of(customer, unsigned({**header, "alg": algorithm}, claims, signature)) == 401


async def test_other_keys_and_algorithms_are_refused(customer: Customer, keys: MasterKeys) -> None:
    header, claims = parts_of(customer.session["access_token"])
    public = our_key(keys, header).public_key()
    stranger = Ed25519PrivateKey.generate()
    own_key = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(stranger.public_key().public_bytes_raw()).decode()}
    rsa = generate_private_key(65537, 2048)
    for shown in ({}, {"jwk": own_key}, {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "http://127.0.0.1:1/cert"}, {"x5c": ["AA=="]}):
        assert await status_of(customer, jwt.encode(claims, stranger, "EdDSA", {**header, **shown})) == 401
    assert await status_of(customer, jwt.encode(claims, rsa, "RS256", {**header, "alg": "RS256"})) == 401
    for secret in (
        public.public_bytes_raw(),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        b"",
        b"secret",
    ):
        body = f"{encoded({**header, 'alg': 'HS256'})}.{encoded(claims)}"
        mac = base64.urlsafe_b64encode(hmac.digest(secret, body.encode(), hashlib.sha256)).rstrip(b"=").decode()
        assert await status_of(customer, f"{body}.{mac}") == 401


async def test_any_changed_byte_is_refused(customer: Customer) -> None:
    token = customer.session["access_token"]
    header, claims, signature = token.split(".")
    for changed in (
        f"{header}.{claims}.{signature[:-4]}AAAA",
        f"{header}.{claims[:-4]}AAAA.{signature}",
        f"{header}.{encoded({**parts_of(token)[1], 'sub': '0198c0de-0000-7000-8000-000000000000'})}.{signature}",
        f"{header}.{claims}",
        f"{header}.{claims}.",
        f"{header}.{claims}.{signature}.{signature}",
        f".{claims}.{signature}",
        "..",
        "x",
        "x" * 20_000,
    ):
        assert await status_of(customer, changed) == 401


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer", "Token x", "Bearer  ", "Bearer nx_", "Bearer nx_test_", "Bearer \xff"]
)
async def test_a_header_that_holds_no_credential_is_refused(customer: Customer, value: str) -> None:
    answer = await customer.client.get("/v1/me", headers=[(b"Authorization", value.encode("latin-1"))])
    assert answer.status_code == 401


async def test_respelling_a_token_does_not_bring_an_ended_session_back(customer: Customer) -> None:
    token = customer.session["access_token"]
    spent = customer.session["refresh_token"]
    for _ in range(2):
        await customer.client.post("/v1/auth/refresh", json={"refresh_token": spent})
    assert await status_of(customer, token) == 401
    header, claims, signature = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for letter in alphabet:
        assert await status_of(customer, f"{header}.{claims}.{signature[:-1]}{letter}") == 401
    for padded in (f"{header}.{claims}.{signature}==", f"{header}=.{claims}=.{signature}="):
        assert await status_of(customer, padded) == 401


async def test_a_key_that_was_taken_out_of_use_signs_nobody_in(composition: Composition, customer: Customer, keys: MasterKeys) -> None:
    header, claims = parts_of(customer.session["access_token"])
    other = MasterKeys.fresh()
    forged = jwt.encode(claims, Ed25519PrivateKey.from_private_bytes(other.derive(PURPOSE)), "EdDSA", {**header, "kid": other.primary_id})
    assert await status_of(customer, forged) == 401
    assert timedelta(seconds=customer.session["expires_in"]) <= timedelta(minutes=15)


async def test_a_token_of_one_workspace_is_a_stranger_in_another(customer: Customer, composition: Composition, keys: MasterKeys) -> None:
    async with customer_at(customer.client._transport.app) as other:  # type: ignore[attr-defined]
        header, claims = parts_of(customer.session["access_token"])
        crossed = signed_by_us(keys)(header, {**claims, "ws": str(other.workspace_id)})
        assert await status_of(customer, crossed) == 401
