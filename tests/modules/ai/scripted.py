"""A model that says what a test tells it to, and a workshop to run generations in."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import JsonValue

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.kernel.page import PageRequest
from nexusone.modules.ai.contracts.generations import Generation, NewText
from nexusone.modules.ai.ports.models import ModelCard, token_prices
from nexusone.modules.ai.ports.text import TextDelta, TextModel, TextModels, TextRequest, TextResult
from nexusone.modules.ai.service import attending, generations
from nexusone.modules.ai.service.breaking import Breakers
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.service import verification
from nexusone.modules.billing.service.grants import grant_alone
from nexusone.platform.database import Database
from nexusone.platform.events import list_events_after
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context, Runtime

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = AiSettings(retry_wait_seconds=0.0)
GRANTED_MICROS = 1_000_000_000

CARD = ModelCard(
    name="writer-1",
    vendor="scripted",
    kind="text",
    context_tokens=100_000,
    output_tokens_max=8_000,
    prices=token_prices(input_micros=1_000_000, output_micros=4_000_000),
    is_default=True,
)
SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"subject": {"type": "string"}, "body": {"type": "string"}},
    "required": ["subject", "body"],
    "additionalProperties": False,
}
ASKED = NewText(prompt="Announce the lamp.", locale="de")
ASKED_FOR_MAIL = NewText(prompt="Announce the lamp.", locale="de", output_schema=SCHEMA)
MAIL = '{"subject": "Licht", "body": "Unsere Lampe ist da."}'

RATE_LIMITED = DefiniteFailure(code="vendor.rate_limited", detail="slow down", is_retryable=True, retry_after_seconds=0.0)
REFUSED = DefiniteFailure(code="vendor.refused_content", detail="not that", is_retryable=False)
LOST = UnknownOutcome(detail="the line went dead")


def said(text: str, *, input_tokens: int = 100, output_tokens: int = 50) -> TextResult:
    """An answer with round numbers."""
    return TextResult(
        text=text,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        model="writer-1-0301",
        vendor_reference="ref",
        finish_reason="stop",
    )


def cost_micros(answers: int, *, input_tokens: int = 100, output_tokens: int = 50) -> int:
    """What that many answers of `said` cost at the default settings: 100 credits a dollar and 20 percent."""
    return answers * (input_tokens + 4 * output_tokens) * 120


@dataclass
class ScriptedModel:
    """Gives the steps of its script in order, the last one for ever; `gate` holds every answer back."""

    script: list[TextResult | Exception]
    requests: list[TextRequest] = field(default_factory=list)
    gate: asyncio.Event | None = None
    cards: tuple[ModelCard, ...] = (CARD,)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def catalog(self) -> tuple[ModelCard, ...]:
        return self.cards

    async def write(self, request: TextRequest) -> TextResult:
        self.requests.append(request)
        self.asked.set()
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(step, Exception):
            raise step
        return step

    async def stream(self, request: TextRequest) -> AsyncIterator[TextDelta]:
        yield TextDelta(text="", result=await self.write(request))

    async def close(self) -> None:
        return


def scripted(*script: TextResult | Exception, gate: asyncio.Event | None = None) -> ScriptedModel:
    """A model with a script; by default it says one thing."""
    return ScriptedModel(script=list(script) or [said("Die Lampe ist da.")], gate=gate)


@dataclass
class Workshop:
    """One workspace with credits, one model, one clock."""

    runtime: Runtime
    clock: MovedClock
    workspace_id: UUID
    model: TextModel

    @property
    def ctx(self) -> Context:
        principal = Principal(kind="user", id=UUID(int=7), permissions=frozenset({"*"}))
        return Context(runtime=self.runtime, workspace_id=self.workspace_id, principal=principal, request_id="test")

    def on(self, database: Database) -> "Workshop":
        """The same over another database object."""
        return replace(self, runtime=replace(self.runtime, database=database))

    async def generate(self, wanted: NewText = ASKED) -> Generation:
        return await generations.generate(self.ctx, wanted=wanted)

    async def get(self, generation: Generation) -> Generation:
        return await generations.get_generation(self.ctx, generation_id=generation.id)

    async def until_settled(self) -> None:
        """Waits until nothing is held any more."""
        async with asyncio.timeout(10):
            while (await billing.get_balance(self.ctx)).held_micros:  # noqa: ASYNC110 - the change is in the database
                await asyncio.sleep(0.01)

    async def all(self) -> tuple[Generation, ...]:
        return (await generations.list_generations(self.ctx, request=PageRequest(limit=100))).items

    async def pass_time(self, by: timedelta) -> None:
        """Moves the clock and lets the schedule attend this workspace."""
        self.clock.move(by)
        for item in await self.all():
            await attending.attend(self.ctx, generation_id=item.id)

    async def assert_books(self, *, spent_micros: int, held_micros: int = 0) -> None:
        """The ledger is sound and says exactly this."""
        balance = await billing.get_balance(self.ctx)
        assert (balance.spent_micros, balance.held_micros) == (spent_micros, held_micros)
        assert balance.available_micros == GRANTED_MICROS - spent_micros - held_micros
        assert await verification.verify(self.ctx) == []

    async def events(self) -> list[str]:
        """The names of ai's events so far."""
        found = await list_events_after(self.ctx, after=UUID(int=0), limit=1000)
        return [event.name for event in found if event.name.startswith("ai.")]


async def open_workshop(
    runtime: Runtime, model: TextModel, *, settings: AiSettings = SETTINGS, granted_micros: int = GRANTED_MICROS
) -> Workshop:
    """A workshop in a fresh workspace."""
    clock = MovedClock(NOW)
    ports = {**runtime.ports, TextModels: TextModels({model.catalog()[0].vendor: model}), Breakers: Breakers()}
    runtime = replace(runtime, clock=clock, ports=ports, settings={**runtime.settings, AiSettings: settings})
    workshop = Workshop(runtime=runtime, clock=clock, workspace_id=new_id(), model=model)
    if granted_micros:
        await grant_alone(workshop.ctx, key="test", amount_micros=granted_micros, source="sign_up")
    return workshop
