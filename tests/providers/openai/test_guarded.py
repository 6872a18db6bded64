"""Addresses that customers name: spoken to like any other where they are public, and never where they lead into private networks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from openai import AsyncOpenAI
from tests.providers.openai.serving import served

from nexusone.apps.providers import SandboxAddresses, discover
from nexusone.apps.vendor_kit import ManifestKit
from nexusone.kernel.clock import SystemClock
from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.ports.text import TextModel, TextRequest
from nexusone.platform.addresses import LIVE
from nexusone.platform.http import OutgoingHttp
from nexusone.providers.openai.catalog import priced_models
from nexusone.providers.openai.guarded import GuardedTransport
from nexusone.providers.openai.simulator import build_app
from nexusone.providers.openai.text import OpenAITextModel

CREDENTIALS = {"api_key": "sk-sandbox"}


def asked() -> TextRequest:
    """Something to write."""
    return TextRequest(priced_models("text")[0].name, "Be brief.", "Hello", output_tokens_max=50)


@asynccontextmanager
async def own_model() -> AsyncIterator[OpenAITextModel]:
    """What the kit builds with a workspace's credentials, against the simulator."""
    async with served(build_app(clock=SystemClock())) as address:
        kit = ManifestKit(discover(), SandboxAddresses(http="http://127.0.0.1:1", sockets={"openai": f"{address}/v1"}))
        model = kit.build("openai", TextModel, credentials=CREDENTIALS, address=None)
        assert isinstance(model, OpenAITextModel)
        yield model
        await model.close()


async def test_a_workspaces_own_client_writes_and_streams() -> None:
    async with own_model() as model:
        written = await model.write(asked())
        pieces = [piece async for piece in model.stream(asked())]
    assert written.text
    assert "".join(piece.text for piece in pieces)
    assert pieces[-1].result is not None


@pytest.mark.parametrize("address", ["10.0.0.7", "127.0.0.1", "169.254.169.254", "::1"])
async def test_a_name_that_leads_into_a_private_network_is_not_connected_to(address: str) -> None:
    async def look_up(host: str, port: int) -> list[str]:
        return [address]

    transport = GuardedTransport(OutgoingHttp(LIVE, look_up=look_up))
    client = AsyncOpenAI(api_key="x", base_url="https://models.example.com/v1", http_client=httpx2.AsyncClient(transport=transport))
    model = OpenAITextModel(client=client.with_options(max_retries=0), deadline_seconds=2)
    with pytest.raises(DefiniteFailure) as refused:
        await model.write(asked())
    assert refused.value.code == "http.address_refused"
    await model.close()


def test_the_kit_knows_what_each_vendor_makes_and_takes() -> None:
    kit = ManifestKit(discover())
    vendors = {vendor.name: vendor for vendor in kit.vendors()}
    assert TextModel in vendors["openai"].ports
    assert [vendor.name for vendor in vendors.values() if vendor.takes_address] == ["openai"]
    for vendor in ("elevenlabs", "nobody"):
        with pytest.raises(LookupError):
            kit.build(vendor, TextModel, credentials={}, address=None)
