"""Signed texts: cursors, links, tracking tokens. A token names the key it was signed with, so keys can rotate."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field


class SignatureInvalid(Exception):
    """The token was not signed by any key in force, or was changed since."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """32-byte keys of one purpose by id: the primary signs, all verify."""

    primary_id: str
    keys: Mapping[str, bytes] = field(repr=False)

    def sign(self, payload: bytes) -> str:
        """`<key id>.<payload>.<HMAC-SHA256>` in URL-safe base64; the payload is readable by anyone."""
        mac = self.mac(payload, key_id=self.primary_id)
        return f"{self.primary_id}.{_encode(payload)}.{_encode(mac)}"

    def verify(self, token: str) -> bytes:
        """The payload of a token made by `sign`. Raises: SignatureInvalid."""
        key_id, _, rest = token.partition(".")
        payload, mac = (_decode(part) for part in (*rest.split("."), "", "")[:2])
        if key_id not in self.keys or payload is None or mac is None or rest.count(".") != 1:
            raise SignatureInvalid
        if not hmac.compare_digest(mac, self.mac(payload, key_id=key_id)):
            raise SignatureInvalid
        return payload

    def mac(self, payload: bytes, *, key_id: str) -> bytes:
        """The bare HMAC-SHA256, for formats that are more compact than `sign`'s."""
        return hmac.digest(self.keys[key_id], payload, hashlib.sha256)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # Base64 has spare bits at the end: only the spelling that `sign` writes is accepted.
    return raw if _encode(raw) == text else None
