"""WebAuthn: what a browser is asked, and whether its answer holds. Challenges and keys are passed in."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pydantic import JsonValue
from webauthn import base64url_to_bytes, generate_authentication_options, generate_registration_options, verify_authentication_response
from webauthn import verify_registration_response as verify_registration
from webauthn.helpers import options_to_json_dict, parse_attestation_object, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from nexusone.modules.identity.domain.mfa import MFA

NAME = "NexusOne"

Options = dict[str, JsonValue]
"""What a browser is asked, as JSON."""

Answer = Mapping[str, Any]
"""What a browser answers, as `PublicKeyCredential.toJSON()` spells it; its form was checked at the door."""

# The library decodes what a stranger sent and lets what it stumbles over through.
UNREADABLE = (
    WebAuthnException,
    InvalidSignature,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
)


class PasskeyRefused(Exception):
    """The answer does not hold; the message says why, for the trail, not for the caller."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom passkeys are made: `id` is a domain, `origins` the addresses of pages that may ask for them."""

    id: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownPasskey:
    """What is stored of a credential, as far as its checks need it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: Sequence[str]


@dataclass(frozen=True, slots=True)
class MadePasskey:
    """A credential whose making holds."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    authenticator: str
    is_synced: bool


@dataclass(frozen=True, slots=True)
class UsedPasskey:
    """A credential whose use holds. `is_user_verified`: the device asked its owner for a finger, a face or a PIN."""

    sign_count: int
    is_user_verified: bool
    is_synced: bool
    user_handle: bytes | None


def relying_party(public_address: str, *, domain: str | None = None, origins: Sequence[str] = ()) -> RelyingParty:
    """Domain and origins of a deployment. Browsers know no passkeys for bare addresses: a loopback one stands for localhost."""
    parts = urlsplit(public_address)
    host, port = parts.hostname or "localhost", f":{parts.port}" if parts.port else ""
    own = f"{parts.scheme}://{parts.netloc}"
    if _is_loopback(host):
        return RelyingParty(domain or "localhost", tuple(dict.fromkeys((own, f"{parts.scheme}://localhost{port}", *origins))))
    return RelyingParty(domain or host, tuple(dict.fromkeys((own, *origins))))


def creation_options(
    party: RelyingParty, *, user_handle: bytes, email: str, name: str, challenge: bytes, known: Sequence[KnownPasskey]
) -> Options:
    """What a browser is asked to make: a credential it finds by itself, on none of the authenticators that have one."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=NAME,
        user_id=user_handle,
        user_name=email,
        user_display_name=name,
        challenge=challenge,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=[_descriptor(passkey) for passkey in known],
    )
    return cast("dict[str, JsonValue]", options_to_json_dict(options))


def request_options(party: RelyingParty, *, challenge: bytes, known: Sequence[KnownPasskey], must_verify_user: bool) -> Options:
    """What a browser is asked to use: one of the known credentials, or, where none is named, any it has."""
    asked = UserVerificationRequirement.REQUIRED if must_verify_user else UserVerificationRequirement.PREFERRED
    options = generate_authentication_options(
        rp_id=party.id, challenge=challenge, allow_credentials=[_descriptor(passkey) for passkey in known], user_verification=asked
    )
    return cast("dict[str, JsonValue]", options_to_json_dict(options))


def check_made(party: RelyingParty, shown: Answer, *, challenge: bytes) -> MadePasskey:
    """The credential that a browser made for this challenge. Raises: PasskeyRefused."""
    try:
        _refuse_attested(shown["response"]["attestationObject"])
        verified = verify_registration(
            credential=dict(shown),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
        )
        _refuse_framed(shown["response"]["clientDataJSON"])
    except UNREADABLE as error:
        raise PasskeyRefused(f"{type(error).__name__}: {error}") from error
    known = frozenset(transport.value for transport in AuthenticatorTransport)
    return MadePasskey(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        transports=tuple(sorted(known & set(shown["response"]["transports"]))),
        authenticator=verified.aaguid,
        is_synced=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
    )


def check_used(party: RelyingParty, shown: Answer, *, challenge: bytes, passkey: KnownPasskey) -> UsedPasskey:
    """The use of a known credential for this challenge; whether its counter went on is for `is_counter_sound`.

    Raises: PasskeyRefused.
    """
    try:
        verified = verify_authentication_response(
            credential=dict(shown),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=passkey.public_key,
            # Looked at once the signature holds: only the true key's counter tells of a copy.
            credential_current_sign_count=0,
        )
        _refuse_framed(shown["response"]["clientDataJSON"])
        handle = decode(shown["response"]["userHandle"]) if shown["response"].get("userHandle") else None
    except UNREADABLE as error:
        raise PasskeyRefused(f"{type(error).__name__}: {error}") from error
    if verified.credential_id != passkey.credential_id:
        raise PasskeyRefused("another credential")
    is_synced = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    return UsedPasskey(verified.new_sign_count, verified.user_verified, is_synced, handle)


def is_counter_sound(*, stored: int, shown: int) -> bool:
    """Whether a counter went on. One that stands or goes back is another copy of the key; authenticators without one say 0."""
    return shown > stored or (shown == 0 and stored == 0)


def methods_of(used: UsedPasskey) -> tuple[str, ...]:
    """The authentication methods (RFC 8176) that a passkey alone proves: two factors only where the device verified its owner."""
    key = "swk" if used.is_synced else "hwk"
    return (key, "user", MFA) if used.is_user_verified else (key,)


def decode(text: str) -> bytes:
    """The bytes of a base64url text. Raises: ValueError."""
    return base64url_to_bytes(text)


def _descriptor(passkey: KnownPasskey) -> PublicKeyCredentialDescriptor:
    known = {transport.value for transport in AuthenticatorTransport}
    transports = [AuthenticatorTransport(name) for name in passkey.transports if name in known]
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=transports or None)


def _refuse_attested(attestation_object: str) -> None:
    # None was asked for; what some authenticators send all the same is their own signature over the new key.
    attested = parse_attestation_object(decode(attestation_object))
    if attested.fmt not in (AttestationFormat.NONE, AttestationFormat.PACKED) or attested.att_stmt.x5c:
        raise PasskeyRefused("an attestation that nobody asked for")


def _refuse_framed(client_data: str) -> None:
    if parse_client_data_json(decode(client_data)).cross_origin:
        raise PasskeyRefused("asked for in a page of another origin")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
