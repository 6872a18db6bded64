"""Tracking tokens: which delivery, which link, signed; nothing personal in them and nothing to guess.

Bytes: version, purpose, key id, workspace, message, contact (16 each), occurrence (4), link (2), then the first 16 bytes of
HMAC-SHA256 over all before. In URLs as base64url, 98 characters.
"""

import hmac
import struct
from base64 import urlsafe_b64decode
from binascii import Error, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from uuid import UUID

VERSION = 1
BODY = struct.Struct(">BBB16s16s16sIH")
MAC_BYTES = 16
TOKEN_CHARACTERS = 98
KEY_BYTES_MIN = 32
OCCURRENCE_MAX = 2**32 - 1
URL_ALPHABET = bytes.maketrans(b"+/", b"-_")


class Purpose(IntEnum):
    """What following the address means."""

    OPEN = 1
    CLICK = 2
    UNSUBSCRIBE = 3


@dataclass(frozen=True, slots=True)
class DeliveryIds:
    """One recipient of one message; `occurrence` counts repeated sends, from 0."""

    workspace_id: UUID
    message_id: UUID
    contact_id: UUID
    occurrence: int = 0


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret of at least 32 bytes and the number (0 to 255) by which tokens name it."""

    id: int
    secret: bytes = field(repr=False)
    _prepared: hmac.HMAC = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.id <= 255 or len(self.secret) < KEY_BYTES_MIN:
            raise ValueError(f"a signing key has an id from 0 to 255 and at least {KEY_BYTES_MIN} bytes")
        # Copying a keyed state takes half the time of starting anew, ten times per mail.
        object.__setattr__(self, "_prepared", hmac.new(self.secret, digestmod="sha256"))

    def mac(self, body: bytes) -> bytes:
        """The truncated HMAC-SHA256 of `body`."""
        state = self._prepared.copy()
        state.update(body)
        return state.digest()[:MAC_BYTES]


NO_KEY = SigningKey(0, bytes(KEY_BYTES_MIN))


@dataclass(frozen=True, slots=True)
class Token:
    """What a valid token says; `link` is 0 unless the purpose is CLICK."""

    purpose: Purpose
    delivery: DeliveryIds
    link: int
    key_id: int


class DeliverySigner:
    """Signs the addresses of one delivery."""

    __slots__ = ("_ids", "_key")

    def __init__(self, delivery: DeliveryIds, key: SigningKey) -> None:
        if not 0 <= delivery.occurrence <= OCCURRENCE_MAX:
            raise ValueError("an occurrence is a number from 0 to 4294967295")
        self._key = key
        self._ids = (delivery.workspace_id.bytes, delivery.message_id.bytes, delivery.contact_id.bytes, delivery.occurrence)

    def sign(self, purpose: Purpose, *, link: int = 0) -> str:
        """A token of 98 URL-safe characters."""
        body = BODY.pack(VERSION, purpose, self._key.id, *self._ids, link)
        return written(body + self._key.mac(body))


def sign(delivery: DeliveryIds, *, purpose: Purpose, key: SigningKey, link: int = 0) -> str:
    """A token of 98 URL-safe characters."""
    return DeliverySigner(delivery, key).sign(purpose, link=link)


def read(token: str, keys: Mapping[int, SigningKey]) -> Token | None:
    """What the token says, or None for any that none of `keys` signed; takes as long for a bad one and never raises."""
    if len(token) != TOKEN_CHARACTERS or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token + "==")
    except Error:
        return None
    body, tag = raw[: BODY.size], raw[BODY.size :]
    # The last character has spare bits and the decoder skips strangers: only the one spelling counts.
    is_canonical = len(raw) == BODY.size + MAC_BYTES and written(raw) == token
    key = keys.get(raw[2]) if is_canonical else None
    is_genuine = hmac.compare_digest((key or NO_KEY).mac(body), tag)
    if not is_canonical or key is None or not is_genuine:
        return None
    return unpacked(body)


def unpacked(body: bytes) -> Token | None:
    version, purpose, key_id, workspace, message, contact, occurrence, link = BODY.unpack(body)
    if version != VERSION or purpose not in Purpose._value2member_map_:
        return None
    delivery = DeliveryIds(UUID(bytes=workspace), UUID(bytes=message), UUID(bytes=contact), occurrence)
    return Token(purpose=Purpose(purpose), delivery=delivery, link=link, key_id=key_id)


def written(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(URL_ALPHABET, b"=").decode("ascii")
