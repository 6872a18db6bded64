"""An authenticator in software: makes ES256 credentials and uses them, and can be told to misbehave in each way there is."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

AAGUID = bytes(range(16))
USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, HAS_CREDENTIAL = 0x01, 0x04, 0x08, 0x10, 0x40

Format = Literal["none", "packed", "packed-x5c", "unknown"]


@dataclass(slots=True)
class Credential:
    """One key pair, for one account at one relying party."""

    id: bytes
    key: EllipticCurvePrivateKey
    user_handle: bytes
    counter: int = 0


@dataclass(slots=True)
class SoftwareAuthenticator:
    """A device with its browser, on a page of `origin`. `counts`: whether its counter goes on (many stay at zero)."""

    origin: str
    verifies_user: bool = True
    is_present: bool = True
    is_synced: bool = False
    counts: bool = True
    attestation: Format = "none"
    rp_id: str | None = None
    is_framed: bool = False
    credentials: dict[bytes, Credential] = field(default_factory=dict)

    def make(self, options: dict[str, Any], *, credential: Credential | None = None) -> dict[str, Any]:
        """What `navigator.credentials.create` answers, as JSON; by default with a credential that is new."""
        credential = credential or Credential(secrets.token_bytes(32), generate_private_key(SECP256R1()), decode(options["user"]["id"]))
        self.credentials[credential.id] = credential
        client_data = self._client_data("webauthn.create", options["challenge"])
        shown_id = len(credential.id).to_bytes(2, "big") + credential.id
        told = self._told(self.rp_id or options["rp"]["id"], HAS_CREDENTIAL, 0) + AAGUID + shown_id + _cose(credential.key)
        return {
            "id": encode(credential.id),
            "rawId": encode(credential.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data),
                "attestationObject": encode(self._attested(credential, told, client_data)),
                "transports": ["internal", "hybrid"],
            },
        }

    def use(self, options: dict[str, Any], *, credential: Credential | None = None) -> dict[str, Any]:
        """What `navigator.credentials.get` answers, as JSON; by default with the one credential that is allowed, or the last one."""
        used = credential or self._choose(options)
        if self.counts:
            used.counter += 1
        client_data = self._client_data("webauthn.get", options["challenge"])
        told = self._told(self.rp_id or options["rpId"], 0, used.counter)
        signature = used.key.sign(told + hashlib.sha256(client_data).digest(), ECDSA(SHA256()))
        return {
            "id": encode(used.id),
            "rawId": encode(used.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data),
                "authenticatorData": encode(told),
                "signature": encode(signature),
                "userHandle": encode(used.user_handle),
            },
        }

    def _choose(self, options: dict[str, Any]) -> Credential:
        allowed = [decode(shown["id"]) for shown in options.get("allowCredentials", [])]
        mine = [self.credentials[known] for known in allowed if known in self.credentials] or list(self.credentials.values())
        return mine[-1]

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.is_framed}).encode()

    def _told(self, rp_id: str, flags: int, counter: int) -> bytes:
        flags |= USER_PRESENT if self.is_present else 0
        flags |= USER_VERIFIED if self.verifies_user else 0
        flags |= BACKUP_ELIGIBLE | BACKED_UP if self.is_synced else 0
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big")

    def _attested(self, credential: Credential, told: bytes, client_data: bytes) -> bytes:
        statement: dict[str, object] = {}
        if self.attestation != "none":
            signature = credential.key.sign(told + hashlib.sha256(client_data).digest(), ECDSA(SHA256()))
            statement = {"alg": -7, "sig": signature}
        if self.attestation == "packed-x5c":
            statement["x5c"] = [b"a certificate"]
        shown = "packed" if self.attestation == "packed-x5c" else self.attestation
        return cbor2.dumps({"fmt": shown, "attStmt": statement, "authData": told})


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str) -> bytes:
    """The inverse."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _cose(key: EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
