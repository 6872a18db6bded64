"""What an id_token must say (OpenID Connect Core 1.0, 3.1.3.7), once its signature holds."""

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nexusone.modules.identity.domain.credentials import digest_of, is_same

LEEWAY = timedelta(seconds=60)
SUBJECT_LENGTH_MAX = 255
TOKEN_LENGTH_MAX = 16_384

# The algorithms that are taken, each with the key type it needs. Neither "none" nor anything symmetric is among them.
ALGORITHMS: Mapping[str, str] = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
    "EdDSA": "OKP",
}
_HASHES = {"256": "sha256", "384": "sha384", "512": "sha512", "DSA": "sha512"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token is held against. `access_token` is the one that came along; `is_anew`: the person had to prove themselves again."""

    issuer: str
    client_id: str
    nonce_hash: bytes
    started_at: datetime
    now: datetime
    algorithm: str
    access_token: str = field(repr=False)
    is_anew: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a provider vouches for. `email` is normalised, and None unless the provider has verified it.

    `authenticated_at` is when they proved themselves to the provider, where it tells.
    """

    subject: str
    email: str | None
    has_unverified_email: bool
    name: str | None
    has_second_factor: bool
    authenticated_at: datetime | None = None


def fault_of(claims: Mapping[str, object], expected: Expected) -> str | None:
    """The first claim that does not hold, by name; None where all do."""
    checks = {
        "iss": claims.get("iss") == expected.issuer,
        "aud": _is_for(claims, expected.client_id),
        "exp": _is_after(claims.get("exp"), expected.now - LEEWAY),
        "iat": _is_between(claims.get("iat"), expected.started_at - LEEWAY, expected.now + LEEWAY),
        "nbf": "nbf" not in claims or _is_between(claims["nbf"], None, expected.now + LEEWAY),
        "nonce": _has_nonce(claims.get("nonce"), expected.nonce_hash),
        "sub": _is_subject(claims.get("sub")),
        "auth_time": _is_proved_in_time(claims, expected),
        "at_hash": "at_hash" not in claims or _is_hash_of(claims["at_hash"], expected),
    }
    return next((name for name, holds in checks.items() if not holds), None)


def person_of(claims: Mapping[str, object], told: Mapping[str, object]) -> Person:
    """Whom checked claims are about; `told` is where the address and name stand (the token itself, or the userinfo answer)."""
    given = told.get("email")
    email = given.strip().lower() if isinstance(given, str) and given.strip() else None
    # Some providers write booleans as text.
    said = told.get("email_verified")
    is_verified = said is True or said == "true"
    name = told.get("name")
    methods, proved_at = claims.get("amr"), claims.get("auth_time")
    return Person(
        subject=str(claims["sub"]),
        email=email if is_verified else None,
        has_unverified_email=email is not None and not is_verified,
        name=name if isinstance(name, str) else None,
        has_second_factor=isinstance(methods, list) and "mfa" in methods,
        authenticated_at=datetime.fromtimestamp(proved_at, tz=UTC) if isinstance(proved_at, int | float) else None,
    )


def _is_for(claims: Mapping[str, object], client_id: str) -> bool:
    audience, party = claims.get("aud"), claims.get("azp")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences or (party is not None and party != client_id):
        return False
    return len(audiences) == 1 or party == client_id


def _is_proved_in_time(claims: Mapping[str, object], expected: Expected) -> bool:
    # Who asks for max_age is told auth_time (3.1.2.1); who does not may be told.
    if "auth_time" not in claims:
        return not expected.is_anew
    first = expected.started_at - LEEWAY if expected.is_anew else datetime.fromtimestamp(0, tz=UTC)
    return _is_between(claims["auth_time"], first, expected.now + LEEWAY)


def _is_after(value: object, moment: datetime) -> bool:
    return _is_number(value) and value > moment.timestamp()  # type: ignore[operator]


def _is_between(value: object, first: datetime | None, last: datetime) -> bool:
    if not _is_number(value):
        return False
    return (first is None or value >= first.timestamp()) and value <= last.timestamp()  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _has_nonce(value: object, nonce_hash: bytes) -> bool:
    return isinstance(value, str) and is_same(digest_of(value), nonce_hash)


def _is_subject(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= SUBJECT_LENGTH_MAX and value.isprintable()


def _is_hash_of(value: object, expected: Expected) -> bool:
    digest = hashlib.new(_HASHES[expected.algorithm[-3:]], expected.access_token.encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    return isinstance(value, str) and hmac.compare_digest(value.encode(), half)
