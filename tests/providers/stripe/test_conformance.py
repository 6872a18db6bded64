"""The Stripe gateway against the conformance suite, over real sockets, each call held against the vendor's contract."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from tests.providers.conformance.openapi import Recorder
from tests.providers.conformance.payment_desk import Controls, Ear, closed_port, listening
from tests.providers.conformance.payment_gateway import Delivery, Mishap, PaymentGatewayConformance, Way
from tests.providers.openai.serving import served
from tests.providers.stripe.contract import hold_to_contract

from nexusone.kernel.money import Money
from nexusone.modules.billing.ports import Checkout, VendorPayment
from nexusone.platform.addresses import sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.providers.stripe.client import open_client
from nexusone.providers.stripe.payments import StripeGateway
from nexusone.providers.stripe.simulator import build_app

DEADLINE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class StripeDesk:
    gateway: StripeGateway
    stranger: StripeGateway
    unreachable: StripeGateway
    controls: Controls
    ear: Ear

    async def spoil(self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 3.0, is_writing: bool = True) -> None:
        await self.controls.spoil(mishap, times=times, delay_seconds=delay_seconds, is_writing=is_writing)

    async def visit(self, checkout: Checkout, way: Way) -> str:
        return await self.controls.visit(checkout, way)

    async def open_dispute(self, payment: VendorPayment) -> str:
        return str((await self.controls.post(f"/_disputes/{payment.subject}"))["id"])

    async def close_dispute(self, dispute: str, *, is_won: bool) -> None:
        await self.controls.post(f"/_disputes/{dispute}?close={'won' if is_won else 'lost'}")

    async def plant(self, money: Money) -> None:
        await self.controls.post("/_plant", {"amount": money.amount, "currency": money.currency.lower()})

    async def deliveries(self, count: int) -> list[Delivery]:
        await self.controls.post("/_webhooks/settled")
        return await self.ear.at_least(count)


def gateway_at(address: str, *, api_key: str = "sk_test_sandbox") -> StripeGateway:
    http = OutgoingHttp(sandbox_reach(address), total_seconds=DEADLINE_SECONDS)
    return StripeGateway(client=open_client(address=address, api_key=api_key, http=http), http=http, webhook_secret="whsec_sandbox")


class TestStripe(PaymentGatewayConformance):
    @pytest.fixture
    async def desk(self) -> AsyncIterator[StripeDesk]:
        async with listening() as (ear, hooks), aiohttp.ClientSession() as http:
            recorder = Recorder(build_app(webhooks=hooks))
            async with served(recorder) as address:
                desk = StripeDesk(
                    gateway=gateway_at(address),
                    stranger=gateway_at(address, api_key="rk_nobody"),
                    unreachable=gateway_at(f"http://127.0.0.1:{closed_port()}"),
                    controls=Controls(address, http),
                    ear=ear,
                )
                yield desk
                for gateway in (desk.gateway, desk.stranger, desk.unreachable):
                    await gateway.close()
        hold_to_contract(recorder.exchanges)
