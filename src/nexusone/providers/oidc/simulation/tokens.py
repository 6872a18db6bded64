"""The id_token, right or wrong on request, and the keys it can be checked with."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from nexusone.providers.oidc.simulation.faults import FaultMode
from nexusone.providers.oidc.simulation.tenant import Code, SigningKey, Tenant, fresh_key

TOKEN_SECONDS = 300
TOKEN_FAULTS: tuple[FaultMode, ...] = (
    "wrong_nonce",
    "no_nonce",
    "wrong_audience",
    "foreign_party",
    "expired",
    "issued_in_future",
    "issued_long_ago",
    "alg_none",
    "hs256_public_key",
    "other_issuer",
    "unknown_key",
    "forged_signature",
    "embedded_key",
    "wrong_at_hash",
    "old_session",
    "no_auth_time",
    "unverified_email",
    "no_email",
)

WITHOUT: dict[str, tuple[str, ...]] = {
    "no_email": ("email", "email_verified"),
    "no_nonce": ("nonce",),
    "no_auth_time": ("auth_time",),
}


def id_token(tenant: Tenant, code: Code, *, issuer: str, access_token: str, now: int) -> str:
    """The token for a code; a set fault makes it wrong."""
    fault = tenant.faults.takes(*TOKEN_FAULTS)
    person = code.person
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": person.sub,
        "aud": code.client_id,
        "exp": now + TOKEN_SECONDS,
        "iat": now,
        "nonce": code.nonce,
        "at_hash": _at_hash(access_token),
        "amr": person.amr,
        "auth_time": int(code.given_at),
        "email": person.email,
        "email_verified": person.email_verified,
        "name": person.name,
    }
    claims |= _wrong_claims(fault, code, now)
    for name in WITHOUT.get(fault or "", ()):
        claims.pop(name)
    return _signed(claims, tenant.signing_key, fault)


def public_keys(tenant: Tenant) -> dict[str, Any]:
    """The JWK set."""
    return {"keys": [_jwk(key) for key in tenant.keys]}


def _wrong_claims(fault: FaultMode | None, code: Code, now: int) -> dict[str, Any]:
    wrong: dict[FaultMode, dict[str, Any]] = {
        "wrong_nonce": {"nonce": "another"},
        "wrong_audience": {"aud": "another-client"},
        "foreign_party": {"aud": [code.client_id, "another-client"], "azp": "another-client"},
        "expired": {"exp": now - 61},
        "issued_in_future": {"iat": now + 600},
        "issued_long_ago": {"iat": now - 3600},
        "other_issuer": {"iss": "https://issuer.example.com"},
        "old_session": {"auth_time": now - 7200},
        "wrong_at_hash": {"at_hash": _at_hash("another")},
        "unverified_email": {"email_verified": False},
    }
    return wrong.get(fault, {}) if fault is not None else {}


def _signed(claims: dict[str, Any], key: SigningKey, fault: FaultMode | None) -> str:
    head: dict[str, Any] = {"kid": key.id}
    if fault == "alg_none":
        return jwt.encode(claims, "", algorithm="none", headers=head)
    if fault == "hs256_public_key":
        return _hs256(claims, head, key)
    if fault == "unknown_key":
        return jwt.encode(claims, fresh_key().private, algorithm="RS256", headers={"kid": "unknown"})
    if fault == "forged_signature":
        return jwt.encode(claims, fresh_key().private, algorithm="RS256", headers=head)
    if fault == "embedded_key":
        forger = fresh_key()
        return jwt.encode(claims, forger.private, algorithm="RS256", headers={**head, "jwk": _jwk(forger)})
    return jwt.encode(claims, key.private, algorithm="RS256", headers=head)


def _hs256(claims: dict[str, Any], head: dict[str, Any], key: SigningKey) -> str:
    # By hand, because the library refuses to take a public key for a secret.
    secret = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [_encoded(json.dumps(part).encode()) for part in ({**head, "alg": "HS256", "typ": "JWT"}, claims)]
    signature = hmac.digest(secret, ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, _encoded(signature)])


def _jwk(key: SigningKey) -> dict[str, Any]:
    shown: dict[str, Any] = RSAAlgorithm.to_jwk(key.private.public_key(), as_dict=True)
    return {"kty": "RSA", "n": shown["n"], "e": shown["e"], "kid": key.id, "use": "sig", "alg": "RS256"}


def _at_hash(access_token: str) -> str:
    return _encoded(hashlib.sha256(access_token.encode()).digest()[:16])


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
