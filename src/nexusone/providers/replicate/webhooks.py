"""The account's signing secret: given, or asked for at the vendor and remembered."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import WebhookRefused
from nexusone.platform.vendor_http import VendorHttp
from nexusone.platform.webhook_signatures import SignatureRefused, verify_standard

ASKED_AGAIN_AFTER = timedelta(minutes=5)


class WebhookCheck:
    """Verifies by the secret it knows.

    Where it knows none, or not the one that the vendor signs with now, it asks for it in the background: the vendor sends
    again what was not taken.
    """

    def __init__(self, vendor: VendorHttp, *, secret: str | None) -> None:
        self._vendor = vendor
        self._secret, self._is_given = secret, secret is not None
        self._is_prepared = self._is_given
        self._asking: asyncio.Task[None] | None = None
        self._asked_at: datetime | None = None

    def verify(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Raises: WebhookRefused."""
        if self._secret is None:
            self._ask_again(now)
            raise WebhookRefused("the signing secret is not known yet")
        try:
            verify_standard(secret=self._secret, headers=headers, body=body, now=now)
        except SignatureRefused as refusal:
            self._ask_again(now)
            raise WebhookRefused(str(refusal)) from refusal

    async def prepare(self) -> None:
        """Asks for the secret once; that it cannot be had now is no reason not to work."""
        if not self._is_prepared:
            self._is_prepared = True
            await self._ask()

    async def close(self) -> None:
        """Ends an asking that is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        try:
            told = await self._vendor.call("GET", "/webhooks/default/secret")
        except (DefiniteFailure, UnknownOutcome):
            return
        if isinstance(told, dict) and isinstance(told.get("key"), str) and told["key"]:
            self._secret = told["key"]

    def _ask_again(self, now: datetime) -> None:
        if self._is_given or (self._asked_at is not None and now - self._asked_at < ASKED_AGAIN_AFTER):
            return
        # Anybody can send a bad signature: that must not make as many calls as they like.
        self._asked_at = now
        self._asking = asyncio.ensure_future(self._ask())
