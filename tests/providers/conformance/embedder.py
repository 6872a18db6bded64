"""What every Embedder must do, whoever the vendor. A vendor's test subclasses the suite and gives it a `library`."""

from math import isclose, sqrt
from typing import Literal, Protocol

import pytest

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.judging import Embedder, Embeddings

Mishap = Literal["slow", "rate_limit", "server_error", "reset", "lost_answer", "garbage"]
TEXTS_MAX = 256
LAMP = "The solar lamp charges in sunlight and shines on your balcony for eight hours."
NEAR_LAMP = "How many hours does the solar lamp shine on a balcony?"
FAR = "Our refund policy: invoices are settled within thirty days of a written notice."


class Library(Protocol):
    """An embedder and the simulated vendor behind it."""

    @property
    def embedder(self) -> Embedder:
        """Waits at most three seconds for an answer."""
        ...

    @property
    def stranger(self) -> Embedder:
        """The same with a credential the vendor does not know."""
        ...

    @property
    def unreachable(self) -> Embedder:
        """The same where nobody listens."""
        ...

    async def spoil(self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 1.0) -> None:
        """Makes the vendor's next calls go wrong."""
        ...

    async def calls(self) -> int:
        """How often the vendor was asked."""
        ...


def default_of(library: Library) -> str:
    """The vendor's default model."""
    return next(card.name for card in library.embedder.catalog() if card.is_default)


def likeness(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The cosine of the angle between two vectors."""
    lengths = sqrt(sum(x * x for x in one)) * sqrt(sum(x * x for x in other))
    return sum(x * y for x, y in zip(one, other, strict=True)) / lengths


class EmbedderConformance:
    """Inherit, and define a fixture `library`."""

    def test_the_catalog_has_one_default_and_every_model_has_dimensions_and_prices(self, library: Library) -> None:
        cards = library.embedder.catalog()
        assert [card.is_default for card in cards].count(True) == 1
        assert len({card.name for card in cards}) == len(cards)
        assert all(card.kind == "embedding" and card.dimensions > 0 and card.context_tokens > 0 for card in cards)
        assert all(card.prices and all(price.micros > 0 and price.per > 0 for price in card.prices) for card in cards)

    async def test_every_model_makes_vectors_of_its_dimensions(self, library: Library) -> None:
        for card in library.embedder.catalog():
            made = await library.embedder.embed([LAMP, FAR], model=card.name)
            assert [len(vector) for vector in made.vectors] == [card.dimensions] * 2
            assert made.input_tokens > 10

    async def test_vectors_have_the_length_one(self, library: Library) -> None:
        made = await _made(library, LAMP, FAR, "漢字 🎈", "...")
        assert all(isclose(sum(x * x for x in vector), 1.0, abs_tol=1e-3) for vector in made.vectors)

    async def test_vectors_come_in_the_order_of_their_texts(self, library: Library) -> None:
        there, back = await _made(library, LAMP, FAR, NEAR_LAMP), await _made(library, NEAR_LAMP, FAR, LAMP)
        for one, other in zip(there.vectors, reversed(back.vectors), strict=True):
            assert likeness(one, other) > 0.999

    async def test_what_is_about_the_same_is_nearer_than_what_is_not(self, library: Library) -> None:
        lamp, near, far = (await _made(library, LAMP, NEAR_LAMP, FAR)).vectors
        assert likeness(lamp, near) > likeness(lamp, far) + 0.1

    async def test_tokens_grow_with_the_texts(self, library: Library) -> None:
        assert (await _made(library, LAMP * 4)).input_tokens > 2 * (await _made(library, LAMP)).input_tokens

    async def test_as_many_texts_as_are_allowed_come_back_as_many_vectors(self, library: Library) -> None:
        made = await _made(library, *(f"Lamp number {number}." for number in range(TEXTS_MAX)))
        assert len(made.vectors) == TEXTS_MAX
        assert len(set(made.vectors)) == TEXTS_MAX

    async def test_no_text_is_no_call(self, library: Library) -> None:
        made = await _made(library)
        assert (made.vectors, made.input_tokens) == ((), 0)
        assert await library.calls() == 0

    async def test_an_unknown_model_is_a_definite_failure(self, library: Library) -> None:
        failure = await _failure(library.embedder, model="no-such-model")
        assert (failure.code, failure.is_retryable) == ("vendor.not_found", False)

    async def test_too_many_requests_may_be_asked_again(self, library: Library) -> None:
        await library.spoil("rate_limit", delay_seconds=3)
        failure = await _failure(library.embedder, model=default_of(library))
        assert (failure.code, failure.is_retryable, failure.retry_after_seconds) == ("vendor.rate_limited", True, 3.0)

    async def test_a_vendor_that_fails_may_be_asked_again(self, library: Library) -> None:
        await library.spoil("server_error")
        assert (await _failure(library.embedder, model=default_of(library))).is_retryable
        assert (await _made(library, LAMP)).vectors

    async def test_a_key_that_is_not_known_is_said_so(self, library: Library) -> None:
        failure = await _failure(library.stranger, model=default_of(library))
        assert (failure.code, failure.is_retryable) == ("vendor.unauthorized", False)

    async def test_where_nobody_listens_nothing_was_done(self, library: Library) -> None:
        assert (await _failure(library.unreachable, model=default_of(library))).is_retryable

    @pytest.mark.parametrize("mishap", ["reset", "lost_answer", "garbage"])
    async def test_an_answer_that_does_not_come_is_unknown(self, library: Library, mishap: Mishap) -> None:
        await library.spoil(mishap)
        with pytest.raises(UnknownOutcome):
            await _made(library, LAMP)

    async def test_too_slow_is_unknown(self, library: Library) -> None:
        await library.spoil("slow", delay_seconds=4)
        with pytest.raises(UnknownOutcome):
            await _made(library, LAMP)


async def _made(library: Library, *texts: str) -> Embeddings:
    return await library.embedder.embed(texts, model=default_of(library))


async def _failure(embedder: Embedder, *, model: str) -> DefiniteFailure:
    with pytest.raises(DefiniteFailure) as caught:
        await embedder.embed([LAMP], model=model)
    return caught.value
