"""The vendor that compares texts by meaning: which model it does it with, what it costs, and asking it."""

import asyncio
from collections.abc import Sequence

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.domain.embedding import INVALID_ANSWER, EmbeddingTariff, chosen_model, is_sound
from nexusone.modules.ai.ports.judging import Embedder, Embeddings
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.service.model_overrides import adjusted
from nexusone.modules.ai.service.refusals_knowledge import NoEmbedder
from nexusone.modules.ai.settings import AiSettings
from nexusone.platform.runtime import Context


def embedder(ctx: Context) -> Embedder:
    """The vendor.

    Raises:
        NoEmbedder: none is connected.
    """
    if Embedder not in ctx.runtime.ports:
        raise NoEmbedder(headers={"Retry-After": "60"})
    return ctx.port(Embedder)


def embedding_model(ctx: Context, *, name: str | None) -> ModelCard:
    """The named model, or the default.

    Raises:
        NoEmbedder: no vendor is connected, or it has no such model with a price.
    """
    card = chosen_model(adjusted(ctx, embedder(ctx).catalog()), name=name, today=ctx.now().date())
    if card is None:
        raise NoEmbedder(headers={"Retry-After": "60"})
    return card


def embedding_tariff(ctx: Context, card: ModelCard) -> EmbeddingTariff:
    """What a model costs at the present settings."""
    settings, price = ctx.setting(AiSettings), card.price_of("input_token")
    if price is None:
        raise NoEmbedder(headers={"Retry-After": "60"})
    return EmbeddingTariff(price.micros, price.per, settings.credits_per_dollar, settings.margin_percent)


async def embed(ctx: Context, *, texts: Sequence[str], model: str, dimensions: int) -> Embeddings:
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
                answer = await embedder(ctx).embed(texts, model=model)
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
