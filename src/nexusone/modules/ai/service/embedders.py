"""The vendor that compares texts by meaning: which model it does it with, what it costs, and asking it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.domain.embedding import INVALID_ANSWER, EmbeddingTariff, chosen_model, is_sound
from nexusone.modules.ai.ports.judging import Embedder, Embeddings
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.service.model_overrides import adjusted
from nexusone.modules.ai.service.own_keys import own_vendors
from nexusone.modules.ai.service.refusals_knowledge import NoEmbedder
from nexusone.modules.ai.settings import AiSettings
from nexusone.platform.runtime import Context


@dataclass(frozen=True, slots=True)
class Comparing:
    """A model that compares, its vendor by whose account it is asked, and what that costs at the present settings."""

    vendor: Embedder
    card: ModelCard
    tariff: EmbeddingTariff


async def comparing(ctx: Context, *, model: str | None) -> Comparing:
    """The named model, or the default, by the workspace's own account at its vendor where it has one.

    Raises:
        NoEmbedder: no vendor is connected, or none has such a model with a price.
    """
    own = (await own_vendors(ctx)).by_kind.get("embedding", {})
    vendors = [*_house(ctx), *(cast(Embedder, own[name]) for name in sorted(own))]
    cards = adjusted(ctx, [card for vendor in vendors for card in vendor.catalog()])
    card = chosen_model(cards, name=model, today=ctx.now().date())
    price = None if card is None else card.price_of("input_token")
    if card is None or price is None:
        raise NoEmbedder(headers={"Retry-After": "60"})
    settings, account = ctx.setting(AiSettings), own.get(card.vendor)
    percent = settings.margin_percent if account is None else settings.own_key_fee_percent
    tariff = EmbeddingTariff(price.micros, price.per, settings.credits_per_dollar, percent, is_own_key=account is not None)
    return Comparing(vendors[0] if account is None else cast(Embedder, account), card, tariff)


async def embedder(ctx: Context, *, model: str, is_own_key: bool) -> Embedder:
    """The vendor of a model, by whose account it was promised.

    Raises:
        NoEmbedder: it is not connected (any more).
    """
    if not is_own_key:
        found = _house(ctx)
    else:
        accounts = (await own_vendors(ctx)).by_kind.get("embedding", {}).values()
        found = [one for one in map(_as_embedder, accounts) if any(card.name == model for card in one.catalog())]
    if not found:
        raise NoEmbedder(headers={"Retry-After": "60"})
    return found[0]


def _as_embedder(client: object) -> Embedder:
    return cast(Embedder, client)


def _house(ctx: Context) -> list[Embedder]:
    return [ctx.port(Embedder)] if Embedder in ctx.runtime.ports else []


async def embed(ctx: Context, vendor: Embedder, *, texts: Sequence[str], model: str, dimensions: int) -> Embeddings:
    """A vector a text, checked; tried again a few times.

    An answer that was lost is asked for again too: comparing has no effect but its price, of which the customer pays
    what was delivered, and no vendor can be asked for an answer it gave before.

    Raises:
        DefiniteFailure, UnknownOutcome: the vendor did not, however often it was asked.
    """
    settings, retries = ctx.setting(AiSettings), 0
    while True:
        try:
            async with asyncio.timeout(settings.call_seconds_max):
                answer = await vendor.embed(texts, model=model)
            if not await asyncio.to_thread(is_sound, answer, texts=len(texts), dimensions=dimensions):
                raise DefiniteFailure(code=INVALID_ANSWER, detail="the vendor's vectors are not what was asked for", is_retryable=False)
            return answer
        except DefiniteFailure as failure:
            wait = settings.retry_wait_seconds * 2**retries if failure.retry_after_seconds is None else failure.retry_after_seconds
            if not failure.is_retryable or retries >= settings.retries_max or wait > settings.retry_wait_seconds_max:
                raise
        except (UnknownOutcome, TimeoutError) as error:
            wait = settings.retry_wait_seconds * 2**retries
            if retries >= settings.retries_max:
                raise UnknownOutcome(detail="no answer, however often it was asked for") from error
        retries += 1
        await asyncio.sleep(wait)
