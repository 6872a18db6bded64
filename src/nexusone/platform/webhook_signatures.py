"""Signatures of webhooks by the Standard Webhooks scheme: an HMAC over id, time and body, in three headers."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"  # noqa: S105 - how secrets are spelled, not one of them
ID = re.compile(r"[A-Za-z0-9_:/+=-]{1,200}\Z")
TIMESTAMP = re.compile(r"[0-9]{1,12}\Z")


class SignatureRefused(Exception):
    """Not signed with this secret, or too long ago; the text says why."""


def verify_standard(*, secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Holds a webhook's three headers (in any case) against its body; one good signature among several is enough.

    Raises:
        SignatureRefused: what is missing or wrong; also where the secret itself is none.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp, signatures = (sent.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
    if not ID.match(message_id):
        raise SignatureRefused("no webhook-id")
    if not TIMESTAMP.match(timestamp):
        raise SignatureRefused("no webhook-timestamp")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise SignatureRefused("the webhook-timestamp is not of these minutes")
    wanted = _signature(secret, message_id, timestamp, body)
    # All are compared, so that the time it takes says nothing about which of them came close.
    matches = [hmac.compare_digest(wanted.encode(), token.encode("utf-8", "replace")) for token in signatures.split(" ")]
    if not any(matches):
        raise SignatureRefused("no signature of this secret")


def sign_standard(*, secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers that a vendor sends with a body. Raises: SignatureRefused where the secret is none."""
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": _signature(secret, message_id, timestamp, body),
    }


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    mac = hmac.digest(_key(secret), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(mac).decode()}"


def _key(secret: str) -> bytes:
    packed = secret.removeprefix(SECRET_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureRefused("the secret is not base64") from None
    if not key:
        raise SignatureRefused("the secret is empty")
    return key
