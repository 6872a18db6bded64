"""Addresses that work for a while and for nobody who changes them, as the vendor's storage signs them."""

import base64
import hmac
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha1
from secrets import token_bytes
from urllib.parse import urlencode, urlsplit

from nexusone.kernel.clock import Clock

LASTS = timedelta(hours=24)


class Signer:
    """Signs addresses by their path, and judges them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = token_bytes(32)

    def signed(self, url: str) -> str:
        """The address with its signature."""
        expires = str(int((self._clock.now() + LASTS).timestamp()))
        asked = {"AWSAccessKeyId": "SANDBOX", "Expires": expires, "Signature": self._signature(_name(urlsplit(url).path), expires)}
        return f"{url}?{urlencode(asked)}"

    def accepts(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether it was signed here and still holds."""
        expires = query.get("Expires", "")
        if not expires.isdecimal() or int(expires) < self._clock.now().timestamp():
            return False
        return hmac.compare_digest(query.get("Signature", "").encode(), self._signature(_name(path), expires).encode())

    def _signature(self, name: str, expires: str) -> str:
        return base64.b64encode(hmac.new(self._key, f"{name}\n{expires}".encode(), sha1).digest()).decode()


def _name(path: str) -> str:
    # Where the simulator is mounted is not part of what is signed.
    return path[path.index("/results/") :]
