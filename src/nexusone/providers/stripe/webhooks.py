"""Signatures of the vendor's webhooks, and which payment an event is about.

Checked here instead of by the SDK: its clock cannot be passed in, and it accepts times in the future.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nexusone.modules.billing.ports import Notice, WebhookRefused

TOLERANCE_SECONDS = 300
SIGNATURES_MAX = 20


def check_signature(*, header: str | None, body: bytes, secret: str, now: datetime) -> None:
    """Holds the raw body against `t=…,v1=…[,v1=…]`; other schemes are skipped. Raises: WebhookRefused."""
    pairs = [part.strip().partition("=") for part in (header or "").split(",")[:SIGNATURES_MAX]]
    times = [value for name, _, value in pairs if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12:
        raise WebhookRefused("no time of signing")
    if abs(now.timestamp() - int(times[0])) > TOLERANCE_SECONDS:
        raise WebhookRefused("signed too long ago, or in the future")
    expected = signature(body, secret=secret, at=int(times[0])).encode()
    if not any(hmac.compare_digest(expected, value.encode()) for name, _, value in pairs if name == "v1"):
        raise WebhookRefused("no signature fits")


def signature(body: bytes, *, secret: str, at: int) -> str:
    """The `v1` signature of a body."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def read_notice(body: bytes) -> Notice:
    """What a verified event is about. Raises: WebhookRefused."""
    try:
        event = json.loads(body)
        kind, about = event["type"], event["data"]["object"]
        event_id, kind_of_object = event["id"], about.get("object")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WebhookRefused("the body is no event") from error
    if not isinstance(event_id, str) or not isinstance(kind, str):
        raise WebhookRefused("the body is no event")
    return Notice(event_id=event_id, kind=kind, subject=_text(_subject(about, kind_of_object)), customer=_customer(about, kind_of_object))


def _subject(about: Mapping[str, Any], kind: object) -> object:
    match kind:
        case "payment_intent":
            return about.get("id")
        case "checkout.session" if about.get("mode") == "payment":
            return about.get("payment_intent") or about.get("id")
        case "charge" | "refund" | "dispute":
            return about.get("payment_intent")
        case _:
            return None


def _customer(about: Mapping[str, Any], kind: object) -> str | None:
    return _text(about.get("customer")) if kind in ("payment_method", "setup_intent", "payment_intent", "checkout.session") else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
