"""The provider's answer: a code traded for tokens, the id_token verified by keys and algorithms that we choose."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import jwt

from nexusone.modules.identity.domain.id_token import ALGORITHMS, TOKEN_LENGTH_MAX, Expected, Person, fault_of, person_of
from nexusone.modules.identity.domain.sso import Metadata
from nexusone.modules.identity.service.refusals import SsoDenied, SsoTokenRefused
from nexusone.modules.identity.service.sso_connections import redirect_uri
from nexusone.modules.identity.service.sso_issuers import Key, ask, keys_of, read_object
from nexusone.modules.identity.store.sso import ConnectionRow
from nexusone.modules.identity.store.sso_attempts import ReturnedRow
from nexusone.platform.runtime import Context

OPTIONS: Any = {
    "verify_aud": False,
    "verify_iss": False,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
    "enforce_minimum_key_length": True,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a browser brought back, and what it is traded with."""

    attempt: ReturnedRow
    code: str = field(repr=False)
    verifier: str = field(repr=False)
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Tokens:
    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


async def person_behind(ctx: Context, *, connection: ConnectionRow, metadata: Metadata, grant: Grant) -> Person:
    """Trades a code for whom the provider vouches for.

    Raises:
        SsoDenied: the provider does not trade the code.
        SsoTokenRefused: the id_token does not hold.
        SsoProviderUnavailable: the provider does not answer as it should.
    """
    tokens = await _trade(ctx, connection, metadata, grant)
    algorithm, claims = await _verified(ctx, metadata, tokens.id_token)
    expected = Expected(
        issuer=connection.issuer,
        client_id=connection.client_id,
        nonce_hash=grant.attempt.nonce_hash,
        started_at=grant.attempt.started_at,
        now=ctx.now(),
        algorithm=algorithm,
        access_token=tokens.access_token,
        is_anew=grant.attempt.renewed_user_id is not None,
    )
    if (fault := fault_of(claims, expected)) is not None:
        raise SsoTokenRefused(reason=fault)
    return person_of(claims, await _told(ctx, metadata, claims, tokens))


async def _trade(ctx: Context, connection: ConnectionRow, metadata: Metadata, grant: Grant) -> _Tokens:
    form = {
        "grant_type": "authorization_code",
        "code": grant.code,
        "redirect_uri": redirect_uri(ctx, connection.id),
        "code_verifier": grant.verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if metadata.takes_secret_in_body:
        form |= {"client_id": connection.client_id, "client_secret": grant.client_secret}
    else:
        pair = f"{quote_plus(connection.client_id)}:{quote_plus(grant.client_secret)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    answer = await ask(ctx, "POST", metadata.token_endpoint, headers=headers, body=urlencode(form).encode())
    if answer.status != 200:
        raise SsoDenied(reason=f"the code was answered with status {answer.status}")
    told = read_object(answer)
    tokens = _Tokens(id_token=_text(told, "id_token"), access_token=_text(told, "access_token"))
    if str(told.get("token_type", "")).lower() != "bearer":
        raise SsoTokenRefused(reason="token_type")
    return tokens


async def _verified(ctx: Context, metadata: Metadata, token: str) -> tuple[str, Mapping[str, Any]]:
    try:
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or "crit" in header:
            raise SsoTokenRefused(reason="alg")
        keys = await keys_of(ctx, metadata=metadata)
        key = _find_key(keys, algorithm, key_id) or _find_key(await keys_of(ctx, metadata=metadata, unknown_to=keys), algorithm, key_id)
        if key is None:
            raise SsoTokenRefused(reason="kid")
        public = jwt.PyJWK(dict(key), algorithm)
        return algorithm, jwt.decode(token, public, algorithms=[algorithm], options=OPTIONS)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise SsoTokenRefused(reason="signature") from error


def _find_key(keys: tuple[Key, ...], algorithm: str, key_id: object) -> Key | None:
    fitting = [
        key
        for key in keys
        if key.get("kty") == ALGORITHMS[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (key_id is None or key.get("kid") == key_id)
    ]
    return fitting[0] if len(fitting) == 1 else None


async def _told(ctx: Context, metadata: Metadata, claims: Mapping[str, object], tokens: _Tokens) -> Mapping[str, object]:
    if "email" in claims or metadata.userinfo_endpoint is None:
        return claims
    answer = await ask(ctx, "GET", metadata.userinfo_endpoint, headers={"Authorization": f"Bearer {tokens.access_token}"})
    told = read_object(answer) if answer.status == 200 else {}
    # Without the same subject it may be about somebody else.
    return told if told.get("sub") == claims["sub"] else claims


def _text(told: Mapping[str, object], name: str) -> str:
    found = told.get(name)
    if not isinstance(found, str) or not found or len(found) > TOKEN_LENGTH_MAX or not found.isascii() or not found.isprintable():
        raise SsoTokenRefused(reason=name)
    return found
