"""Pictures by prediction: asked for, looked up, found again by our mark, fetched before the vendor deletes them."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import ImageRequest, MadeFile, MediaState
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.platform.provider import ProviderSetup
from nexusone.platform.vendor_http import VendorHttp
from nexusone.providers.replicate.catalog import listed_models, priced_models
from nexusone.providers.replicate.client import file_headers, open_vendor
from nexusone.providers.replicate.inputs import inputs_of, marked_address, marks_of
from nexusone.providers.replicate.predictions import state_of
from nexusone.providers.replicate.webhooks import WebhookCheck

CANCEL_AFTER = "15m"
CLOCKS_DIFFER = timedelta(minutes=2)
PAGES_MAX = 50
PAGE_BYTES_MAX = 8 * 1024 * 1024


class ReplicateImages:
    """An `ImageModel`. `webhook_secret` is asked for at the vendor where it is not given."""

    def __init__(self, vendor: VendorHttp, *, webhook_secret: str | None = None) -> None:
        self._vendor = vendor
        self._webhooks = WebhookCheck(vendor, secret=webhook_secret)

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models with prices."""
        return priced_models()

    async def begin(self, request: ImageRequest, *, correlation: str, webhook: str | None) -> MediaState:
        """Makes a prediction that carries `correlation` in its inputs and its webhook's address."""
        listed = listed_models().get(request.model)
        if listed is None:
            raise DefiniteFailure(code="vendor.not_supported", detail=f"{request.model} is not listed", is_retryable=False)
        body: dict[str, Any] = {"input": inputs_of(listed, request, correlation=correlation)}
        if webhook is not None:
            await self._webhooks.prepare()
            body |= {"webhook": marked_address(webhook, correlation=correlation), "webhook_events_filter": ["completed"]}
        path = f"/models/{listed.name}/predictions"
        return state_of(await self._vendor.call("POST", path, body=body, headers={"Cancel-After": CANCEL_AFTER}))

    async def look_up(self, reference: str) -> MediaState:
        """The prediction as it is now."""
        return state_of(await self._vendor.call("GET", f"/predictions/{quote(reference, safe='')}"))

    async def find(self, correlation: str, *, since: datetime) -> MediaState | None:
        """Reads the account's predictions since then for our mark.

        None only where each of them says by its own mark, its model or its origin that it is another: after an hour
        the vendor forgets inputs, and then it cannot tell.
        """
        unclear = 0
        try:
            async for prediction in self._listed(since - CLOCKS_DIFFER):
                marks = marks_of(prediction)
                if correlation in marks:
                    return state_of(prediction)
                unclear += not marks and prediction.get("source") != "web" and prediction.get("model") in listed_models()
        except DefiniteFailure as failure:
            # That the list was refused says nothing about what was asked before.
            raise UnknownOutcome(detail=f"the list of predictions was not given: {failure.detail}") from failure
        if unclear:
            raise UnknownOutcome(detail=f"{unclear} predictions since then do not say for what they were made")
        return None

    async def cancel(self, reference: str) -> None:
        """Asks the vendor to stop it."""
        await self._vendor.call("POST", f"/predictions/{quote(reference, safe='')}/cancel")

    async def download(self, made: MadeFile, *, bytes_max: int) -> AsyncIterator[bytes]:
        """The file, from the vendor's file hosts."""
        if made.url is None:
            raise DefiniteFailure(code="vendor.not_found", detail="the file has no address", is_retryable=False)
        async for piece in self._vendor.download(made.url, bytes_max=bytes_max, headers=file_headers(self._vendor, made.url)):
            yield piece

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """By the account's signing secret. Raises: WebhookRefused."""
        self._webhooks.verify(headers=headers, body=body, now=now)

    async def close(self) -> None:
        """Ends all connections."""
        await self._webhooks.close()
        await self._vendor.close()

    async def _listed(self, since: datetime) -> AsyncIterator[Mapping[str, Any]]:
        query = urlencode({"created_after": since.isoformat()})
        for _ in range(PAGES_MAX):
            told = await self._vendor.call("GET", f"/predictions?{query}", answer_bytes_max=PAGE_BYTES_MAX)
            results = told.get("results") if isinstance(told, dict) else None
            if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
                raise UnknownOutcome(detail="the list of predictions cannot be read")
            for one in results:
                yield one
            if not isinstance(told.get("next"), str):
                return
            # Only where the next page begins is taken from the vendor, never where to ask for it.
            query = urlsplit(told["next"]).query
        raise UnknownOutcome(detail="there are too many predictions to look through")


def build_images(setup: ProviderSetup) -> ReplicateImages:
    """The models at the address of `setup`, with its `api_token` and, where it has one, its `webhook_secret`."""
    vendor = open_vendor(address=setup.address, api_token=setup.credentials["api_token"], is_sandbox=setup.is_sandbox)
    return ReplicateImages(vendor, webhook_secret=setup.credentials.get("webhook_secret") or None)
