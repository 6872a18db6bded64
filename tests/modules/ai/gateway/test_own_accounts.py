"""Requests that are passed on with a workspace's own account at the vendor: by it alone, at no price but the fee."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta

import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.modules.ai.scripted import SETTINGS, Workshop, open_workshop, scripted
from tests.modules.ai.scripted_kit import SCRIPTED, ScriptedKit
from tests.modules.ai.scripted_passage import ScriptedPassage

from nexusone.modules.ai.contracts.connections import AiConnectionWish
from nexusone.modules.ai.ports.passage import Operation, WirePassage
from nexusone.modules.ai.ports.text import TextModel
from nexusone.modules.ai.ports.vendors import VendorKit
from nexusone.modules.ai.service import connections, gateway
from nexusone.modules.ai.service.errands import end_errands
from nexusone.modules.ai.service.gateway_accounts import GatewayPlaces
from nexusone.modules.ai.service.own_keys import OwnClients
from nexusone.modules.ai.service.refusals import NoTextModel
from nexusone.modules.ai.service.refusals_gateway import WireVendorDown
from nexusone.modules.ai.settings import AiSettings
from nexusone.platform.runtime import Context, Runtime

WISH = AiConnectionWish(credentials={"api_key": "sk-very-own-secret"})
BODIES: dict[Operation, dict[str, object]] = {
    "chat": {"model": "writer-1", "messages": [{"role": "user", "content": "Say so."}], "max_tokens": 10},
    "responses": {"model": "writer-1", "input": "Say so.", "max_output_tokens": 10},
    "embeddings": {"model": "placer-1", "input": ["so"]},
    "images": {"model": "painter-1", "prompt": "So.", "size": "1024x1024", "quality": "medium"},
}


@dataclass
class Shop:
    """A workspace, the house's way to the vendor, and the workspace's own."""

    workshop: Workshop
    house: ScriptedPassage
    own: ScriptedPassage

    @property
    def ctx(self) -> Context:
        return self.workshop.ctx

    async def ask(self, operation: Operation = "chat", ctx: Context | None = None, **changed: object) -> None:
        raw = json.dumps({**BODIES[operation], **changed}).encode()
        answer = await gateway.pass_on(ctx or self.ctx, operation=operation, raw=raw, fallbacks=())
        if not isinstance(answer, bytes):
            assert [event async for event in answer]
        await end_errands(seconds=10)


async def open_shop(runtime: Runtime, *, settings: AiSettings = SETTINGS, has_house: bool = True) -> Shop:
    house, own = ScriptedPassage(), ScriptedPassage()
    vendor = replace(SCRIPTED, ports=frozenset({TextModel, WirePassage}))
    kit = ScriptedKit({WirePassage: own}, known=(vendor,))
    workshop = await open_workshop(runtime, scripted(), settings=settings)
    ports: dict[type[object], object] = {**workshop.runtime.ports, VendorKit: kit, OwnClients: OwnClients(), GatewayPlaces: GatewayPlaces()}
    ports |= {WirePassage: house} if has_house else {}
    if not has_house:
        ports.pop(WirePassage, None)
    return Shop(replace(workshop, runtime=replace(workshop.runtime, ports=ports)), house, own)


@pytest.mark.parametrize("operation", list(BODIES))
async def test_every_operation_goes_by_the_own_account_and_costs_nothing(
    runtime: Runtime, database: TestDatabase, operation: Operation
) -> None:
    shop = await open_shop(runtime)
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    await shop.ask(operation)
    assert (len(shop.own.requests), len(shop.house.requests)) == (1, 0)
    with psycopg.connect(database.admin_url) as admin:
        rows = admin.execute(
            "select is_own_key, held_micros, charged_micros, margin_percent, settlement from ai.generation where workspace_id = %s",
            (shop.ctx.workspace,),
        ).fetchall()
        costs = admin.execute("select count(*) from billing.vendor_cost where workspace_id = %s", (shop.ctx.workspace,)).fetchone()
    assert rows == [(True, 1, 0, 0, "done")]
    assert costs == (0,)
    await shop.workshop.assert_books(spent_micros=0)


async def test_streams_go_by_the_own_account_too(runtime: Runtime) -> None:
    shop = await open_shop(runtime)
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    await shop.ask(stream=True)
    assert (len(shop.own.requests), len(shop.house.requests)) == (1, 0)
    await shop.workshop.assert_books(spent_micros=0)


async def test_the_fee_is_a_share_of_what_the_vendor_takes(runtime: Runtime) -> None:
    own, house = (
        await open_shop(runtime, settings=AiSettings(own_key_fee_percent=10, margin_percent=0)),
        await open_shop(runtime, settings=AiSettings(margin_percent=0)),
    )
    await connections.put_connection(own.ctx, vendor="scripted", wanted=WISH)
    for shop in (own, house):
        await shop.ask("images")
    fee, price = [(await shop.workshop.all())[0].credits for shop in (own, house)]
    assert (len(own.own.requests), len(house.house.requests)) == (1, 1)
    assert float(fee) * 10 == pytest.approx(float(price))


async def test_tests_and_other_workspaces_never_use_it(runtime: Runtime) -> None:
    shop = await open_shop(runtime)
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    await shop.ask(ctx=replace(shop.ctx, is_test=True))
    other = await open_workshop(shop.workshop.runtime, scripted())
    await shop.ask(ctx=other.ctx)
    assert (len(shop.own.requests), len(shop.house.requests)) == (0, 2)


async def test_what_is_connected_or_taken_away_is_heard_of_at_once_here_and_soon_elsewhere(runtime: Runtime) -> None:
    shop = await open_shop(runtime)
    await shop.ask()
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    await shop.ask()
    assert (len(shop.own.requests), len(shop.house.requests)) == (1, 1)
    elsewhere = replace(shop.workshop, runtime=replace(shop.ctx.runtime, ports={**shop.ctx.runtime.ports, GatewayPlaces: GatewayPlaces()}))
    await connections.delete_connection(elsewhere.ctx, vendor="scripted")
    shop.workshop.clock.move(timedelta(seconds=11))
    await shop.ask()
    assert (len(shop.own.requests), len(shop.house.requests)) == (1, 2)


async def test_where_the_house_has_no_account_the_own_one_is_enough(runtime: Runtime) -> None:
    shop = await open_shop(runtime, has_house=False)
    with pytest.raises(NoTextModel):
        await gateway.list_cards(shop.ctx)
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    assert "writer-1" in [card.name for card in await gateway.list_cards(shop.ctx)]
    await shop.ask()
    assert len(shop.own.requests) == 1


async def test_pictures_that_cannot_be_kept_are_given_to_nobody_and_cost_nothing(runtime: Runtime) -> None:
    shop = await open_shop(runtime)
    shop.house.drawn = b"no picture"
    with pytest.raises(WireVendorDown):
        await shop.ask("images")
    await end_errands(seconds=10)
    made = (await shop.workshop.all())[0]
    assert (made.status, made.credits, made.assets) == ("failed", "0", ())
    assert made.error is not None
    assert made.error.code == "ai.result_unusable"
    await shop.workshop.assert_books(spent_micros=0)
