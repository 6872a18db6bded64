"""The product's door for clients of another wire, on a real socket, with the simulated vendor behind it on another."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
from openai import AsyncOpenAI
from tests.customers import Customer, customer_at, no_lifespan
from tests.providers.openai.serving import Recorder, Simulated
from tests.providers.openai.serving import served as simulated
from tests.web.serving import served

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import SystemClock
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.ports.judging import Moderator
from nexusone.modules.ai.ports.passage import WirePassage
from nexusone.modules.ai.service.breaking import Breakers
from nexusone.modules.ai.service.gateway_accounts import GatewayPlaces
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.contracts.credits import Balance
from nexusone.modules.billing.service import verification
from nexusone.modules.billing.service.grants import grant_alone
from nexusone.platform.provider import ProviderSetup
from nexusone.platform.runtime import Context, Runtime
from nexusone.providers.openai.moderation import build_moderator
from nexusone.providers.openai.passage import build_passage
from nexusone.providers.openai.simulator import build_app

SETTINGS = AiSettings(moderation="off", call_seconds_max=10.0)
WRITER, CHEAP, PAINTER, PLACER = "gpt-5.4-mini", "gpt-5.4-nano", "gpt-image-1-mini", "text-embedding-3-small"
ASKED: Any = [{"role": "user", "content": "Write two sentences about our new product: Solar Lamp."}]


@dataclass(frozen=True, slots=True)
class House:
    """One customer with an API key, our door, and the vendor behind it."""

    runtime: Runtime
    customer: Customer
    address: str
    key: str
    vendor: Simulated
    recorder: Recorder

    @property
    def ctx(self) -> Context:
        return self.runtime.system(self.customer.workspace_id)

    def client(self, *, key: str | None = None, **options: Any) -> AsyncOpenAI:
        """The vendor's own SDK, pointed at our door."""
        return AsyncOpenAI(api_key=key or self.key, base_url=f"{self.address}/openai/v1", max_retries=0, **options)

    async def generations(self) -> list[Mapping[str, Any]]:
        """What is on record, newest first."""
        answer = await self.customer.client.get("/v1/generations")
        assert answer.status_code == 200, answer.text
        items: list[Mapping[str, Any]] = answer.json()["items"]
        return items

    async def until_settled(self) -> Balance:
        """The balance once nothing is held."""
        async with asyncio.timeout(10):
            while (balance := await billing.get_balance(self.ctx)).held_micros:  # noqa: ASYNC110 - the change is in the database
                await asyncio.sleep(0.01)
        assert await verification.verify(self.ctx) == []
        return balance

    async def until_ended(self) -> Mapping[str, Any]:
        """The newest record once it has ended."""
        async with asyncio.timeout(10):
            while not (found := await self.generations()) or found[0]["finished_at"] is None:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
        return found[0]

    async def last_body(self) -> Mapping[str, Any]:
        """What the vendor was asked last."""
        body: Mapping[str, Any] = (await self.vendor.log())["requests"][-1]["body"]
        return body

    async def grant(self, micros: int) -> None:
        """More credits."""
        await grant_alone(self.ctx, key=str(new_id()), amount_micros=micros, source="purchase")


@asynccontextmanager
async def open_house(
    composition: Composition, *, settings: AiSettings = SETTINGS, granted_micros: int = 1_000_000_000
) -> AsyncIterator[House]:
    """A house with the simulator behind it."""
    recorder = Recorder(build_app(clock=SystemClock()))
    async with simulated(recorder) as vendor:
        setup = ProviderSetup(address=f"{vendor}/v1", credentials={"api_key": "sk-sandbox"}, is_sandbox=True)
        passage, moderator = build_passage(setup), build_moderator(setup)
        # What other tests' vendors did says nothing of this one.
        own = {WirePassage: passage, Moderator: moderator, Breakers: Breakers(), GatewayPlaces: GatewayPlaces()}
        ports: dict[type[object], object] = {**composition.runtime.ports, **own}
        runtime = replace(composition.runtime, ports=ports, settings={**composition.runtime.settings, AiSettings: settings})
        app = replace(composition, runtime=runtime).application(lifespan=no_lifespan)
        try:
            async with served(app) as (host, port), customer_at(app) as customer:
                key = await customer.api_key("generations:read", "generations:write")
                house = House(runtime, customer, f"http://{host}:{port}", key, Simulated(vendor), recorder)
                if granted_micros:
                    await house.grant(granted_micros)
                yield house
        finally:
            await passage.close()
            await moderator.close()


def plain(house: House) -> httpx2.AsyncClient:
    """A client without an SDK."""
    return httpx2.AsyncClient(base_url=f"{house.address}/openai/v1", headers={"Authorization": f"Bearer {house.key}"})
