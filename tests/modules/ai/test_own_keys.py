"""Workspaces' own accounts at vendors: sealed, used for their generations alone, at no price but the fee, closed when they change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.modules.ai.scripted import ASKED, CARD, SETTINGS, ScriptedModel, Workshop, cost_micros, open_workshop, scripted
from tests.modules.ai.scripted_kit import PLAIN, SCRIPTED, ScriptedKit

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.ai.contracts.connections import AiConnectionWish
from nexusone.modules.ai.ports.text import TextModel
from nexusone.modules.ai.ports.vendors import VendorKit
from nexusone.modules.ai.service import connections, models
from nexusone.modules.ai.service.own_keys import RETIRED_FOR, OwnClients
from nexusone.modules.ai.service.refusals_connections import ConnectionInvalid, ConnectionNotFound, VendorUnknown
from nexusone.modules.ai.settings import AiSettings
from nexusone.platform.runtime import Runtime

SECRET = "sk-very-own-secret"
WISH = AiConnectionWish(credentials={"api_key": SECRET})
BAD_KEY = DefiniteFailure(code="vendor.unauthorized", detail="no such key", is_retryable=False)


@dataclass
class ClosingModel(ScriptedModel):
    """Tells when it was closed."""

    closed: list[bool] = field(default_factory=list)

    async def close(self) -> None:
        self.closed.append(True)


async def shop_with(runtime: Runtime, kit: ScriptedKit, settings: AiSettings = SETTINGS) -> Workshop:
    """A workshop whose vendors can be connected."""
    shop = await open_workshop(runtime, scripted(), settings=settings)
    ports: Mapping[type[object], object] = {**shop.runtime.ports, VendorKit: kit, OwnClients: OwnClients()}
    return replace(shop, runtime=replace(shop.runtime, ports=ports))


def house(shop: Workshop) -> ScriptedModel:
    """The model of the deployment's own account."""
    assert isinstance(shop.model, ScriptedModel)
    return shop.model


async def test_a_generation_with_an_own_key_is_made_with_it_and_costs_nothing(runtime: Runtime, database: TestDatabase) -> None:
    own = scripted()
    kit = ScriptedKit({TextModel: own})
    shop = await shop_with(runtime, kit)
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    made = await shop.generate()
    assert (made.status, made.credits) == ("succeeded", "0")
    assert len(own.requests) == 1
    assert house(shop).requests == []
    assert kit.built[0].credentials == {"api_key": SECRET}
    await shop.until_settled()
    await shop.assert_books(spent_micros=0)
    with psycopg.connect(database.admin_url) as admin:
        row = admin.execute("select held_micros, is_own_key from ai.generation where id = %s", (made.id,)).fetchone()
        costs = admin.execute("select count(*) from billing.vendor_cost where workspace_id = %s", (shop.workspace_id,)).fetchone()
    assert row == (1, True)
    assert costs == (0,)


async def test_the_fee_is_a_share_of_what_the_vendor_takes(runtime: Runtime) -> None:
    shop = await shop_with(runtime, ScriptedKit(), AiSettings(retry_wait_seconds=0.0, own_key_fee_percent=10))
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    await shop.generate()
    await shop.until_settled()
    await shop.assert_books(spent_micros=cost_micros(1) // 12)


async def test_nobody_else_uses_it_and_tests_never_do(runtime: Runtime) -> None:
    own = scripted()
    shop = await shop_with(runtime, ScriptedKit({TextModel: own}))
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    other = await open_workshop(shop.runtime, scripted())
    other = replace(other, runtime=replace(other.runtime, ports={**other.runtime.ports, VendorKit: ScriptedKit({TextModel: own})}))
    await other.generate()
    assert own.requests == []
    listed = await models.list_models(replace(shop.ctx, is_test=True))
    assert [model.is_own_key for model in listed] == [False]
    assert [model.is_own_key for model in await models.list_models(shop.ctx)] == [True]


async def test_what_was_put_is_never_told_again(runtime: Runtime, database: TestDatabase) -> None:
    shop = await shop_with(runtime, ScriptedKit())
    put = await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    listed = await connections.list_vendors(shop.ctx)
    assert SECRET not in put.model_dump_json() + "".join(one.model_dump_json() for one in listed)
    assert [(one.vendor, one.connection is not None) for one in listed] == [("plain", False), ("scripted", True)]
    with psycopg.connect(database.admin_url) as admin:
        row = admin.execute("select sealed_credentials from ai.vendor_key where workspace_id = %s", (shop.workspace_id,)).fetchone()
        trail = admin.execute("select changes::text from platform.audit_entry where workspace_id = %s", (shop.workspace_id,)).fetchall()
    assert row is not None
    assert SECRET.encode() not in row[0]
    assert all(SECRET not in str(entry) for entry in trail)


async def test_a_changed_key_is_used_at_once_and_the_old_client_closed_later(runtime: Runtime) -> None:
    first, second = ClosingModel(script=list(scripted().script)), ClosingModel(script=list(scripted().script))
    kit = ScriptedKit({TextModel: first})
    shop = await shop_with(runtime, kit)
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    await shop.generate()
    kit.clients = {TextModel: second}
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=AiConnectionWish(credentials={"api_key": "sk-other"}))
    await shop.generate()
    assert (len(first.requests), len(second.requests), first.closed) == (1, 1, [])
    shop.clock.move(RETIRED_FOR + timedelta(seconds=1))
    await shop.generate()
    assert (first.closed, second.closed, len(kit.built)) == ([True], [], 2)
    await shop.ctx.port(OwnClients).close()
    assert second.closed == [True]


async def test_after_deletion_the_deployments_account_is_used_again(runtime: Runtime) -> None:
    shop = await shop_with(runtime, ScriptedKit())
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    await connections.delete_connection(shop.ctx, vendor="scripted")
    assert (await shop.generate()).credits != "0"
    assert len(house(shop).requests) == 1
    with pytest.raises(ConnectionNotFound):
        await connections.delete_connection(shop.ctx, vendor="scripted")


async def test_a_bad_key_of_one_workspace_pauses_the_model_for_nobody_else(runtime: Runtime) -> None:
    own = ScriptedModel(script=[BAD_KEY])
    shop = await shop_with(runtime, ScriptedKit({TextModel: own}), AiSettings(retry_wait_seconds=0.0, breaker_failures=1))
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    assert (await shop.generate()).status == "failed"
    paused = await shop.generate()
    assert paused.error is not None
    assert paused.error.code == "vendor.paused"
    await connections.delete_connection(shop.ctx, vendor="scripted")
    assert (await shop.generate()).status == "succeeded"


@pytest.mark.parametrize(
    ("vendor", "wish", "pointers"),
    [
        ("plain", AiConnectionWish(credentials={"api_key": "x"}), ["/credentials/token", "/credentials/api_key"]),
        ("plain", AiConnectionWish(credentials={"token": "x"}, address="https://models.example.com/v1"), ["/address"]),
        ("scripted", AiConnectionWish(credentials={"api_key": "x"}, address="https://10.0.0.1/v1"), ["/address"]),
        ("scripted", AiConnectionWish(credentials={"api_key": "x"}, address="http://169.254.169.254/latest"), ["/address"]),
    ],
)
async def test_other_fields_and_addresses_of_private_networks_are_refused(
    runtime: Runtime, vendor: str, wish: AiConnectionWish, pointers: list[str]
) -> None:
    shop = await shop_with(runtime, ScriptedKit(known=(PLAIN, SCRIPTED)))
    with pytest.raises(ConnectionInvalid) as refused:
        await connections.put_connection(shop.ctx, vendor=vendor, wanted=wish)
    assert [error.pointer for error in refused.value.errors] == pointers


@pytest.mark.parametrize("vendor", ["paying", "nobody"])
async def test_vendors_that_make_nothing_are_not_connected(runtime: Runtime, vendor: str) -> None:
    shop = await shop_with(runtime, ScriptedKit())
    with pytest.raises(VendorUnknown):
        await connections.put_connection(shop.ctx, vendor=vendor, wanted=WISH)


@pytest.mark.parametrize(("step", "result"), [(scripted().script[0], "working"), (BAD_KEY, "refused")])
async def test_a_test_says_whether_the_vendor_takes_the_key(runtime: Runtime, step: Exception, result: str) -> None:
    shop = await shop_with(runtime, ScriptedKit({TextModel: ScriptedModel(script=[step])}))
    await connections.put_connection(shop.ctx, vendor="scripted", wanted=WISH)
    assert (await connections.test_connection(shop.ctx, vendor="scripted")).result == result
    assert ASKED.model is None
    assert CARD.vendor == "scripted"
