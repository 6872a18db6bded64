"""Access tokens: JWTs signed with Ed25519, verified by the algorithm and key we chose, never by what the token says."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nexusone.kernel.errors import Unauthenticated
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.signing_keys import SigningKey, SigningKeySet
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.vault import MasterKeys

ISSUER = "nexusone"
AUDIENCE = "nexusone-api"
OPERATOR_AUDIENCE = "nexusone-operators"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068's media type, not a secret
ALGORITHM = "EdDSA"
# For clocks of issuers that run ahead; an expiry has no leeway.
LEEWAY = timedelta(seconds=30)
HEADER_FIELDS = frozenset({"alg", "kid", "typ"})
TOKEN_LENGTH_MAX = 4096
PURPOSE = "access-token"
# What reading a payload raises that is not as we write them.
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError)


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token says. `operator_id`: an operator acts in the user's place, and `session_id` is the visit."""

    user_id: UUID
    workspace_id: UUID
    session_id: UUID
    methods: tuple[str, ...]
    authenticated_at: datetime
    operator_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OperatorClaims:
    """What a verified token of the operators' realm says; it works while the app that proved it is enrolled."""

    operator_id: UUID
    factor_id: UUID
    methods: tuple[str, ...]
    authenticated_at: datetime


@dataclass(frozen=True, slots=True)
class _Signed:
    payload: Mapping[str, Any]
    valid_from: int
    expires_at: int


def issue(ctx: Context, claims: AccessClaims, *, expires_at: datetime | None = None) -> str:
    """Signs an access token that lives as long as the settings say, and not beyond `expires_at`."""
    now = ctx.now()
    latest = now + timedelta(seconds=ctx.setting(IdentitySettings).access_token_seconds)
    payload: dict[str, Any] = {
        "aud": AUDIENCE,
        "sub": str(claims.user_id),
        "ws": str(claims.workspace_id),
        "sid": str(claims.session_id),
        "amr": list(claims.methods),
        "auth_time": int(claims.authenticated_at.timestamp()),
        "exp": min(latest, expires_at or latest),
    }
    if claims.operator_id is not None:
        payload["act"] = {"sub": f"operator:{claims.operator_id}"}
    return _sign(ctx, payload)


def issue_operator(ctx: Context, claims: OperatorClaims, *, expires_at: datetime) -> str:
    """Signs a token of the operators' realm, which no other door knows."""
    payload = {
        "aud": OPERATOR_AUDIENCE,
        "sub": str(claims.operator_id),
        "fid": str(claims.factor_id),
        "amr": list(claims.methods),
        "auth_time": int(claims.authenticated_at.timestamp()),
        "exp": expires_at,
    }
    return _sign(ctx, payload)


def verify(runtime: Runtime, token: str) -> AccessClaims:
    """What a token says, if we signed it and it is in its time.

    Raises:
        Unauthenticated: with a reason that tells nothing to a forger.
    """
    payload = _verified(runtime, token, audience=AUDIENCE)
    try:
        return _claims(payload)
    except UNREADABLE as error:
        raise Unauthenticated(reason="the token is not valid") from error


def verify_operator(runtime: Runtime, token: str) -> OperatorClaims:
    """What a token of the operators' realm says, if we signed it and it is in its time. Raises: Unauthenticated."""
    payload = _verified(runtime, token, audience=OPERATOR_AUDIENCE)
    try:
        return OperatorClaims(
            operator_id=UUID(payload["sub"]),
            factor_id=UUID(payload["fid"]),
            methods=tuple(payload["amr"]),
            authenticated_at=datetime.fromtimestamp(payload["auth_time"], tz=UTC),
        )
    except UNREADABLE as error:
        raise Unauthenticated(reason="the token is not valid") from error


def _claims(payload: Mapping[str, Any]) -> AccessClaims:
    actor = payload.get("act")
    return AccessClaims(
        user_id=UUID(payload["sub"]),
        workspace_id=UUID(payload["ws"]),
        session_id=UUID(payload["sid"]),
        methods=tuple(payload["amr"]),
        authenticated_at=datetime.fromtimestamp(payload["auth_time"], tz=UTC),
        operator_id=UUID(actor["sub"].removeprefix("operator:")) if actor is not None else None,
    )


def _sign(ctx: Context, payload: Mapping[str, Any]) -> str:
    now, key_id = ctx.now(), ctx.runtime.keys.primary_id
    whole = {"iss": ISSUER, "jti": str(new_id()), "iat": now, "nbf": now, **payload}
    return jwt.encode(whole, _private_key(ctx.runtime.keys, key_id), ALGORITHM, {"kid": key_id, "typ": TOKEN_TYPE})


def _verified(runtime: Runtime, token: str, *, audience: str) -> Mapping[str, Any]:
    if len(token) > TOKEN_LENGTH_MAX:
        raise Unauthenticated(reason="the token is not valid")
    try:
        signed = _read_signed(runtime.keys, token, audience)
    except (jwt.PyJWTError, *UNREADABLE) as error:
        raise Unauthenticated(reason="the token is not valid") from error
    now = runtime.clock.now().timestamp()
    if now >= signed.expires_at:
        raise Unauthenticated(reason="the token has expired")
    if now < signed.valid_from - LEEWAY.total_seconds():
        raise Unauthenticated(reason="the token is not valid yet")
    return signed.payload


# A signature stays what it is, so each token's is checked once; its time and its session are checked at every request.
@lru_cache(maxsize=8192)
def _read_signed(keys: MasterKeys, token: str, audience: str) -> _Signed:
    header = jwt.get_unverified_header(token)
    # Ours have these fields and no others: crit, jku, jwk, x5u, x5c and b64 have nothing to say here.
    if header.keys() != HEADER_FIELDS or header["alg"] != ALGORITHM or header["typ"] != TOKEN_TYPE or header["kid"] not in keys.ids:
        raise ValueError("not a token of ours")
    payload = jwt.decode(
        token,
        _private_key(keys, header["kid"]).public_key(),
        algorithms=[ALGORITHM],
        audience=audience,
        issuer=ISSUER,
        # Time is told by our own clock, which tests can move; the library only knows the machine's.
        options={"require": ["exp", "nbf", "iat", "sub", "jti"], "verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    return _Signed(payload=payload, valid_from=int(payload["nbf"]), expires_at=int(payload["exp"]))


def public_keys(runtime: Runtime) -> SigningKeySet:
    """The public halves of all keys whose tokens are honoured, the one that signs now first."""
    keys = runtime.keys
    ordered = sorted(keys.ids, key=lambda key_id: key_id != keys.primary_id)
    return SigningKeySet(keys=[_public_key(keys, key_id) for key_id in ordered])


def _public_key(keys: MasterKeys, key_id: str) -> SigningKey:
    raw = _private_key(keys, key_id).public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return SigningKey(kty="OKP", crv="Ed25519", alg="EdDSA", use="sig", kid=key_id, x=x)


def _private_key(keys: MasterKeys, key_id: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.derive(PURPOSE, key_id=key_id))
