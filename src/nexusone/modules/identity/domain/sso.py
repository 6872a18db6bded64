"""Rules of signing in through an identity provider: references, PKCE, what a provider must say of itself, whose address counts."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from nexusone.modules.identity.domain.credentials import SecretReference, digest_of

REFERENCE = re.compile(r"^nx([bs])_([0-9a-f]{32})([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")
ADDRESS = re.compile(r"^[^@\s\x00-\x1f\x7f]{1,64}@[a-z0-9.-]{4,253}\Z")
SCOPES = "openid email profile"
STATE, BINDING = "s", "b"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself (OpenID Connect Discovery 1.0), as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    takes_secret_in_body: bool
    names_itself_on_return: bool


class MetadataUnusable(Exception):
    """What the provider says of itself cannot be used; the text says why."""


def write_reference(kind: str, *, workspace_id: UUID, attempt_id: UUID, secret: str) -> str:
    """The text of a state or a binding."""
    return f"nx{kind}_{workspace_id.hex}{attempt_id.hex}_{secret}"


def read_reference(kind: str, text: str) -> SecretReference | None:
    """The reference of a state or a binding, or None for anything else."""
    found = REFERENCE.match(text)
    if found is None or found[1] != kind:
        return None
    return SecretReference(UUID(found[2]), UUID(found[3]), digest_of(found[4]))


def pkce_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def discovery_url(issuer: str) -> str:
    """Where a provider describes itself."""
    return issuer.removesuffix("/") + "/.well-known/openid-configuration"


def read_metadata(told: Mapping[str, object], *, issuer: str) -> Metadata:
    """What a provider told, if it is the issuer that was asked for and speaks what is spoken here.

    Raises:
        MetadataUnusable: with the reason.
    """
    if told.get("issuer") != issuer:
        raise MetadataUnusable("it calls itself by another issuer")
    if "code" not in _texts(told, "response_types_supported", ("code",)):
        raise MetadataUnusable("it does not offer the authorization code flow")
    if "S256" not in _texts(told, "code_challenge_methods_supported", ("S256",)):
        raise MetadataUnusable("it does not offer PKCE with S256")
    ways = _texts(told, "token_endpoint_auth_methods_supported", ("client_secret_basic",))
    if not ways & {"client_secret_basic", "client_secret_post"}:
        raise MetadataUnusable("it does not take a client secret")
    userinfo = told.get("userinfo_endpoint")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_address(told, "authorization_endpoint"),
        token_endpoint=_address(told, "token_endpoint"),
        jwks_uri=_address(told, "jwks_uri"),
        userinfo_endpoint=userinfo if isinstance(userinfo, str) else None,
        takes_secret_in_body="client_secret_basic" not in ways,
        names_itself_on_return=told.get("authorization_response_iss_parameter_supported") is True,
    )


def authorization_url(
    metadata: Metadata, *, client_id: str, redirect_uri: str, state: str, nonce: str, verifier: str, is_anew: bool = False
) -> str:
    """Where the browser is sent; `is_anew` asks that whoever sits there prove themselves whatever session they have."""
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPES,
        "state": state,
        "nonce": nonce,
        "code_challenge": pkce_challenge(verifier),
        "code_challenge_method": "S256",
    }
    if is_anew:
        asked |= {"prompt": "login", "max_age": "0"}
    joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    return f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}"


def is_mixed_up(metadata: Metadata, *, named: str | None) -> bool:
    """Whether an answer came from another provider than was asked (RFC 9207)."""
    return named != metadata.issuer if named is not None else metadata.names_itself_on_return


def domain_of(email: str) -> str | None:
    """The domain of a normalised address; None where it is no plain address."""
    return email.rpartition("@")[2] if ADDRESS.match(email) else None


def may_return_to(address: str, *, origins: Iterable[str]) -> bool:
    """Whether the browser may be sent there: an address of the product's own, with nothing hidden in it."""
    try:
        parts = urlsplit(address)
        own = {_origin(origin) for origin in origins}
        return _origin(address) in own and parts.username is None and not parts.fragment and "\\" not in address
    except ValueError:
        return False


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port


def _address(told: Mapping[str, object], name: str) -> str:
    found = told.get(name)
    if not isinstance(found, str) or "#" in found:
        raise MetadataUnusable(f"it names no {name}")
    return found


def _texts(told: Mapping[str, object], name: str, default: tuple[str, ...]) -> set[str]:
    found = told.get(name, default)
    return {item for item in found if isinstance(item, str)} if isinstance(found, list | tuple) else set()
