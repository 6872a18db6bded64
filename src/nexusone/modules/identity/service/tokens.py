"""Access tokens: JWTs signed with Ed25519, verified by the algorithm and key we chose, never by what the token says."""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nexusone.kernel.errors import Unauthenticated
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.vault import MasterKeys

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


@dataclass(frozen=True, slots=True)
class _Signed:
    claims: AccessClaims
    valid_from: int
    expires_at: int


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
    return jwt.encode(payload, _private_key(ctx.runtime.keys, key_id), ALGORITHM, {"kid": key_id, "typ": TOKEN_TYPE})


def verify(runtime: Runtime, token: str) -> AccessClaims:
    """What a token says, if we signed it and it is in its time.

    Raises:
        Unauthenticated: with a reason that tells nothing to a forger.
    """
    if len(token) > TOKEN_LENGTH_MAX:
        raise Unauthenticated(reason="the token is not valid")
    try:
        signed = _read_signed(runtime.keys, token)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Unauthenticated(reason="the token is not valid") from error
    now = runtime.clock.now().timestamp()
    if now >= signed.expires_at + LEEWAY.total_seconds():
        raise Unauthenticated(reason="the token has expired")
    if now < signed.valid_from - LEEWAY.total_seconds():
        raise Unauthenticated(reason="the token is not valid yet")
    return signed.claims


# A signature stays what it is, so each token's is checked once; its time and its session are checked at every request.
@lru_cache(maxsize=8192)
def _read_signed(keys: MasterKeys, token: str) -> _Signed:
    header = jwt.get_unverified_header(token)
    if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE or header.get("kid") not in keys.ids:
        raise ValueError("not a token of ours")
    payload = jwt.decode(
        token,
        _private_key(keys, header["kid"]).public_key(),
        algorithms=[ALGORITHM],
        audience=AUDIENCE,
        issuer=ISSUER,
        # Time is told by our own clock, which tests can move; the library only knows the machine's.
        options={"require": ["exp", "nbf", "iat", "sub", "jti"], "verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    claims = AccessClaims(user_id=UUID(payload["sub"]), workspace_id=UUID(payload["ws"]), session_id=UUID(payload["sid"]))
    return _Signed(claims=claims, valid_from=int(payload["nbf"]), expires_at=int(payload["exp"]))


def _private_key(keys: MasterKeys, key_id: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.derive(PURPOSE, key_id=key_id))
