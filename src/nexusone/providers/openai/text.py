"""Text by the Responses API.

What comes back is data and nothing else: it is handed on as written, never run, rendered or read as an instruction.
What a person asks for travels as `input`, apart from the product's own `instructions`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TypedDict

from openai import AsyncOpenAI, AsyncStream, Omit, omit
from openai.types.responses import (
    ResponseCompletedEvent,
    ResponseErrorEvent,
    ResponseFailedEvent,
    ResponseIncompleteEvent,
    ResponseStreamEvent,
    ResponseTextConfigParam,
    ResponseTextDeltaEvent,
)
from openai.types.shared_params import Reasoning

from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.ports.text import TextDelta, TextRequest, TextResult
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.openai.answers import failure_told, read_answer, read_answer_body, result_of
from nexusone.providers.openai.catalog import priced_models, reasoning_effort
from nexusone.providers.openai.client import client_of, named_outcomes, opaque
from nexusone.providers.openai.structured import fits_strict

DEADLINE_SECONDS = 300.0
OUTPUT_TOKENS_MIN = 16  # the vendor refuses less


class _Parameters(TypedDict):
    model: str
    instructions: str
    input: str
    max_output_tokens: int
    text: ResponseTextConfigParam | Omit
    reasoning: Reasoning | Omit
    safety_identifier: str | Omit
    store: bool


class OpenAITextModel:
    """A `TextModel` at any address that speaks the Responses API; a call takes at most `deadline_seconds`."""

    def __init__(self, *, client: AsyncOpenAI, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._client = client
        # The SDK loads this part when it is first touched, which takes 80 ms: better here than within a call.
        self._responses = client.responses
        self._deadline_seconds = deadline_seconds

    def catalog(self) -> tuple[ModelCard, ...]:
        """The models with known prices."""
        return priced_models("text")

    async def write(self, request: TextRequest) -> TextResult:
        """The whole text at once; checking it against the schema is the caller's."""
        with named_outcomes():
            async with asyncio.timeout(self._deadline_seconds):
                raw = await self._responses.with_raw_response.create(**_parameters(request))
        return result_of(read_answer_body(raw.content), request=request)

    async def stream(self, request: TextRequest) -> AsyncIterator[TextDelta]:
        """The text as it is written."""
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        with named_outcomes():
            async with asyncio.timeout_at(deadline):
                events = await self._responses.create(**_parameters(request), stream=True)
        has_text = False
        async with aclosing(events):
            while (event := await _next_event(events, deadline=deadline)) is not None:
                match event:
                    case ResponseTextDeltaEvent(delta=str(written)) if written:
                        has_text = True
                        yield TextDelta(text=written)
                    case ResponseFailedEvent() | ResponseErrorEvent() if has_text:
                        # Done in part, and nobody says what it cost.
                        raise UnknownOutcome(detail="the vendor failed in the middle of the answer")
                    case ResponseCompletedEvent() | ResponseIncompleteEvent() | ResponseFailedEvent():
                        answer = read_answer(event.to_dict(warnings=False).get("response"))
                        yield TextDelta(text="", result=result_of(answer, request=request))
                        return
                    case ResponseErrorEvent():
                        raise failure_told(event.to_dict(warnings=False))
                    case _:
                        pass
        raise UnknownOutcome(detail="the stream ended without a result")

    async def close(self) -> None:
        """Lets go of connections."""
        await self._client.close()


def build_text_model(setup: ProviderSetup) -> OpenAITextModel:
    """The model at the address of `setup`, with its `api_key`."""
    return OpenAITextModel(client=client_of(setup, deadline_seconds=DEADLINE_SECONDS))


def _parameters(request: TextRequest) -> _Parameters:
    effort = reasoning_effort(request.model)
    return {
        "model": request.model,
        "instructions": request.instructions,
        "input": request.prompt,
        "max_output_tokens": max(OUTPUT_TOKENS_MIN, request.output_tokens_max),
        "text": _format(request),
        "reasoning": omit if effort is None else {"effort": effort},
        "safety_identifier": omit if request.end_user is None else opaque(request.end_user),
        # The vendor would otherwise keep prompts and answers for thirty days.
        "store": False,
    }


def _format(request: TextRequest) -> ResponseTextConfigParam | Omit:
    if request.output_schema is None:
        return omit
    schema = dict(request.output_schema)
    return {"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": fits_strict(schema)}}


async def _next_event(events: AsyncStream[ResponseStreamEvent], *, deadline: float) -> ResponseStreamEvent | None:
    with named_outcomes():
        async with asyncio.timeout_at(deadline):
            return await anext(events, None)
