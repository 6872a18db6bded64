"""Access tokens: JWTs signed with Ed25519, verified by the algorithm and key we chose, never by what the token says."""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nexusone.kernel.errors import Unauthenticated
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.platform.runtime import Context, Runtime

ISSUER = "nexusone"
AUDIENCE = "nexusone-api"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068's media type, not a secret
ALGORITHM = "EdDSA"
LEEWAY = timedelta(seconds=30)
TOKEN_LENGTH_MAX = 4096
PURPOSE = "access-token"


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token says."""

    user_id: UUID
    workspace_id: UUID
    session_id: UUID


def issue(ctx: Context, claims: AccessClaims) -> str:
    """Signs an access token that lives as long as the settings say."""
    now = ctx.now()
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(claims.user_id),
        "ws": str(claims.workspace_id),
        "sid": str(claims.session_id),
        "jti": str(new_id()),
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(seconds=ctx.setting(IdentitySettings).access_token_seconds),
    }
    key_id = ctx.runtime.keys.primary_id
    return jwt.encode(payload, _private_key(ctx.runtime, key_id), ALGORITHM, {"kid": key_id, "typ": TOKEN_TYPE})


def verify(runtime: Runtime, token: str) -> AccessClaims:
    """What a token says, if we signed it and it is in its time.

    Raises:
        Unauthenticated: with a reason that tells nothing to a forger.
    """
    if len(token) > TOKEN_LENGTH_MAX:
        raise Unauthenticated(reason="the token is not valid")
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE or header.get("kid") not in runtime.keys.ids:
            raise Unauthenticated(reason="the token is not valid")
        claims = jwt.decode(
            token,
            _public_key(runtime, header["kid"]),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY,
            options={"require": ["exp", "nbf", "iat", "sub", "jti"], "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
        _check_time(runtime, claims)
        return AccessClaims(user_id=UUID(claims["sub"]), workspace_id=UUID(claims["ws"]), session_id=UUID(claims["sid"]))
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unauthenticated(reason="the token is not valid") from error


def _check_time(runtime: Runtime, claims: dict[str, object]) -> None:
    # By our own clock, which tests can move; the library only knows the machine's.
    now = runtime.clock.now().timestamp()
    expires_at, valid_from = claims["exp"], claims["nbf"]
    if not isinstance(expires_at, int) or not isinstance(valid_from, int):
        raise Unauthenticated(reason="the token is not valid")
    if now >= expires_at + LEEWAY.total_seconds():
        raise Unauthenticated(reason="the token has expired")
    if now < valid_from - LEEWAY.total_seconds():
        raise Unauthenticated(reason="the token is not valid yet")


def _private_key(runtime: Runtime, key_id: str) -> Ed25519PrivateKey:
    return _private_key_of(runtime.keys.derive(PURPOSE, key_id=key_id))


def _public_key(runtime: Runtime, key_id: str) -> Ed25519PublicKey:
    return _private_key(runtime, key_id).public_key()


@lru_cache(maxsize=16)
def _private_key_of(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)
