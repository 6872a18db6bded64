"""Samples of payments: a company with simulated vendors."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urljoin
from uuid import UUID, uuid4

import aiohttp
import httpx2
from starlette.types import ASGIApp
from tests.customers import no_lifespan, visitor_at
from tests.modules.billing.invoices.billed import bill_to
from tests.modules.compliance.samples import Stage, sample

from nexusone.apps.providers import build_ports
from nexusone.apps.sandbox.simulators import simulators
from nexusone.modules.billing.ports import PaymentGateways
from nexusone.modules.billing.service import payments_methods
from nexusone.modules.billing.service.payments_calling import pursue
from nexusone.platform.runtime import Context
from nexusone.providers.stripe.manifest import MANIFEST
from nexusone.providers.stripe.webhooks import signature

ACTION = re.compile(r'<form method="post" action="([^"]+)"')
BACK = {"return_url": "https://app.example/back"}


class Till:
    """The stage's company, with somebody to bill, in a process that has a vendor."""

    def __init__(self, stage: Stage, client: httpx2.AsyncClient, app: ASGIApp, ctx: Context) -> None:
        self.stage, self.client, self.app, self.ctx = stage, client, app, ctx

    async def buy(self) -> httpx2.Response:
        wanted = {"pack": "small", "saves_method": True, **BACK}
        return await self.client.post("/v1/credits/purchases", json=wanted, headers={"Idempotency-Key": "sample"})

    async def paid(self) -> str:
        """A purchase that was paid on the vendor's page, with a way to pay saved."""
        bought = (await self.buy()).json()
        async with aiohttp.ClientSession() as http:
            async with http.get(bought["checkout_url"]) as page:
                action = ACTION.search(await page.text())
            assert action is not None
            async with http.post(urljoin(bought["checkout_url"], action[1]), data={"way": "pay"}, allow_redirects=False) as answer:
                assert answer.status == 303
        payment_id = str(bought["payment"]["id"])
        await pursue(self.ctx, payment_id=UUID(payment_id))
        await payments_methods.sync_after(self.ctx, payment_id=UUID(payment_id))
        return payment_id

    async def method(self) -> str:
        await self.paid()
        return str((await self.client.get("/v1/payment-methods")).json()["items"][0]["id"])


@asynccontextmanager
async def till(stage: Stage) -> AsyncIterator[Till]:
    """A process with one vendor beside the stage's own."""
    with TemporaryDirectory() as folder:
        async with simulators([MANIFEST], data=Path(folder), host="127.0.0.1") as addresses:
            runtime = stage.composition.runtime
            ports = {**runtime.ports, **build_ports((MANIFEST,), sandbox=addresses, credentials={})}
            moved = replace(stage.composition, runtime=replace(runtime, ports=ports))
            app = moved.application(lifespan=no_lifespan)
            ctx = moved.runtime.system(stage.customer.workspace_id)
            await bill_to(ctx)
            transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=stage.client.headers) as client:
                yield Till(stage, client, app, ctx)
            for gateway in moved.runtime.port(PaymentGateways).by_name.values():
                await gateway.close()


@sample("payments.purchase")
async def _(stage: Stage) -> httpx2.Response:
    async with till(stage) as made:
        return await made.buy()


@sample("payments.refund")
async def _(stage: Stage) -> httpx2.Response:
    async with till(stage) as made:
        payment_id = await made.paid()
        return await made.client.post(f"/v1/payments/{payment_id}/refunds", json={"amount": 1}, headers={"Idempotency-Key": "sample"})


@sample("payments.set_up_method")
async def _(stage: Stage) -> httpx2.Response:
    async with till(stage) as made:
        return await made.client.post("/v1/payment-methods", json=BACK)


@sample("payments.make_default")
async def _(stage: Stage) -> httpx2.Response:
    async with till(stage) as made:
        return await made.client.post(f"/v1/payment-methods/{await made.method()}/make-default")


@sample("payments.remove_method")
async def _(stage: Stage) -> httpx2.Response:
    async with till(stage) as made:
        return await made.client.delete(f"/v1/payment-methods/{await made.method()}")


@sample("payments.hear")
async def _(stage: Stage) -> httpx2.Response:
    async with till(stage) as made:
        body = b'{"id":"evt_%s","type":"moon.rose","data":{"object":{}}}' % uuid4().hex.encode()
        at = int(made.ctx.now().timestamp())
        signed = f"t={at},v1={signature(body, secret='whsec_sandbox', at=at)}"
        async with visitor_at(made.app) as vendor:
            return await vendor.post("/v1/webhooks/in/stripe", content=body, headers={"Stripe-Signature": signed})
