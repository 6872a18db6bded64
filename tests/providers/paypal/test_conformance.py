"""The PayPal gateway against the conformance suite, over real sockets, each call held against the vendor's contract."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import pytest
from tests.providers.conformance.openapi import Recorder
from tests.providers.conformance.payment_desk import Controls, Ear, closed_port, listening
from tests.providers.conformance.payment_gateway import Delivery, Mishap, PaymentGatewayConformance, Way, asking, paid
from tests.providers.openai.serving import served
from tests.providers.paypal.contract import hold_to_contract

from nexusone.kernel.money import Money
from nexusone.modules.billing.ports import Checkout, VendorPayment
from nexusone.platform.addresses import sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.providers.paypal.amounts import written
from nexusone.providers.paypal.client import PayPalClient
from nexusone.providers.paypal.payments import PayPalGateway
from nexusone.providers.paypal.simulator import build_app

DEADLINE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PayPalDesk:
    gateway: PayPalGateway
    stranger: PayPalGateway
    unreachable: PayPalGateway
    controls: Controls
    ear: Ear

    async def spoil(self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 3.0, is_writing: bool = True) -> None:
        await self.controls.spoil(mishap, times=times, delay_seconds=delay_seconds, is_writing=is_writing)

    async def visit(self, checkout: Checkout, way: Way) -> str:
        return await self.controls.visit(checkout, way)

    async def open_dispute(self, payment: VendorPayment) -> str:
        return str((await self.controls.post(f"/_disputes/{payment.subject}"))["dispute_id"])

    async def close_dispute(self, dispute: str, *, is_won: bool) -> None:
        outcome = "RESOLVED_SELLER_FAVOUR" if is_won else "RESOLVED_BUYER_FAVOUR"
        await self.controls.post(f"/_disputes/{dispute}?close={outcome}")

    async def plant(self, money: Money) -> None:
        await self.controls.post("/_plant", {"amount": written(money)})

    async def deliveries(self, count: int) -> list[Delivery]:
        await self.controls.post("/_webhooks/settled")
        return await self.ear.at_least(count)


def gateway_at(address: str, *, client_secret: str = "sandbox") -> PayPalGateway:  # noqa: S107
    http = OutgoingHttp(sandbox_reach(address), total_seconds=DEADLINE_SECONDS)
    client = PayPalClient(http=http, address=address, client_id="sandbox", client_secret=client_secret)
    return PayPalGateway(client=client, webhook_id="SANDBOXWEBHOOK")


class TestPayPal(PaymentGatewayConformance):
    @pytest.fixture
    async def desk(self) -> AsyncIterator[PayPalDesk]:
        async with listening() as (ear, hooks), aiohttp.ClientSession() as http:
            recorder = Recorder(build_app(webhooks=hooks))
            async with served(recorder) as address:
                desk = PayPalDesk(
                    gateway=gateway_at(address),
                    stranger=gateway_at(address, client_secret="nobody"),
                    unreachable=gateway_at(f"http://127.0.0.1:{closed_port()}"),
                    controls=Controls(address, http),
                    ear=ear,
                )
                yield desk
                for gateway in (desk.gateway, desk.stranger, desk.unreachable):
                    await gateway.close()
        hold_to_contract(recorder.exchanges)

    async def test_a_token_is_kept_and_renewed_when_it_was_withdrawn(self, desk: PayPalDesk) -> None:
        await asking(desk)
        await paid(desk, await asking(desk))
        await desk.controls.delete("/_tokens")
        await desk.gateway.list_payments(since=datetime.now(UTC), until=datetime.now(UTC))
        async with desk.controls.http.get(f"{desk.controls.address}/_requests") as answer:
            asked = [one["path"] for one in (await answer.json())["requests"]]
        assert asked.count("/v1/oauth2/token") == 2
