"""Signs webhooks as the vendor does: RSA-SHA256 over `id|time|webhook id|crc32 of the body`."""

import base64
import zlib
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from nexusone.kernel.ids import new_id

KEY_BITS = 2048
MARK = b'"webhook_event":'


class Signer:
    """A key of its own, for one webhook id."""

    def __init__(self, *, webhook_id: str) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        self.webhook_id = webhook_id

    def headers(self, body: bytes, *, base: str) -> dict[str, str]:
        """What goes with a body."""
        transmission, at = str(new_id()), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = self._key.sign(self._text(transmission, at, self.webhook_id, body), padding.PKCS1v15(), SHA256())
        return {
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": at,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signed).decode(),
            "PAYPAL-CERT-URL": f"{base}/v1/notifications/certs/CERT-sandbox",
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "Content-Type": "application/json",
        }

    def verifies(self, asked: dict[str, object], raw: bytes) -> bool:
        """Whether what was posted back was signed here; `raw` is the whole question, whose last member is the event."""
        body = raw.partition(MARK)[2].rstrip()[:-1]
        text = self._text(str(asked.get("transmission_id")), str(asked.get("transmission_time")), str(asked.get("webhook_id")), body)
        try:
            signed = base64.b64decode(str(asked.get("transmission_sig")), validate=True)
            self._key.public_key().verify(signed, text, padding.PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            return False
        return asked.get("webhook_id") == self.webhook_id

    @staticmethod
    def _text(transmission: str, at: str, webhook_id: str, body: bytes) -> bytes:
        return f"{transmission}|{at}|{webhook_id}|{zlib.crc32(body)}".encode()
