"""A company that pays: over the product's own HTTP, at a simulated vendor's page, with the vendor's webhooks coming in."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

import aiohttp
from tests.customers import Customer
from tests.draining import drain
from tests.modules.billing.invoices.billed import bill_to, issue

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageRequest
from nexusone.modules.billing.service import balances, payments_calling, refunds
from nexusone.modules.billing.service import payments as reading
from nexusone.modules.billing.store import invoices, payments
from nexusone.platform.runtime import Context

ACTION = re.compile(r'<form method="post" action="([^"]+)"')


class Drifting:
    """The real clock, put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True)
class Shop:
    customer: Customer
    composition: Composition
    vendor: str
    gateway: str
    http: aiohttp.ClientSession
    api: str
    clock: Drifting

    @property
    def ctx(self) -> Context:
        return self.composition.runtime.system(self.customer.workspace_id)

    async def open(self) -> None:
        """Gives the company a billing profile, and lets the vendor tell the product."""
        await bill_to(self.ctx)
        await self.listen()

    async def listen(self, *, copies: int = 1, order: str = "as_it_came", is_deaf: bool = False) -> None:
        url = None if is_deaf else f"{self.api}/v1/webhooks/in/{self.gateway}"
        await self._put("/_webhooks", {"url": url, "copies": copies, "order": order})

    async def spoil(self, mode: str | None, **how: object) -> None:
        if mode is None:
            async with self.http.delete(f"{self.vendor}/_faults") as answer:
                assert answer.status == 204
            return
        await self._put("/_faults", {"mode": mode, "method": "POST", **how})

    async def buy(self, *, key: str | None = None, **fields: object) -> dict[str, Any]:
        wanted = {"pack": "small", "currency": "EUR", "gateway": self.gateway, "return_url": "https://app.example/back", **fields}
        answer = await self.customer.client.post("/v1/credits/purchases", json=wanted, headers={"Idempotency-Key": key or new_id().hex})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def visit(self, bought: dict[str, Any], way: str = "pay") -> str:
        url = bought["checkout_url"]
        async with self.http.get(url) as page:
            action = ACTION.search(await page.text())
        assert action is not None
        target = urljoin(url, action[1].replace("&amp;", "&"))
        async with self.http.post(target, data={"way": way}, allow_redirects=False) as answer:
            return answer.headers.get("Location", "")

    async def bought(self, *, way: str = "pay", **fields: Any) -> str:
        """A purchase that was paid; its id."""
        bought = await self.buy(**fields)
        await self.visit(bought, way)
        await self.work()
        return str(bought["payment"]["id"])

    async def work(self) -> None:
        """Lets the vendor tell all it has to tell, and the product do what it has to do."""
        for _ in range(3):
            async with self.http.post(f"{self.vendor}/_webhooks/settled") as answer:
                assert answer.status == 204
            await drain(self.composition)

    async def wait(self, **time: float) -> None:
        """Moves the clock, and does what is then done by the clock."""
        self.clock.ahead += timedelta(**time)
        system = self.composition.runtime.system()
        await payments_calling.probe_due_payments(system)
        await refunds.probe_due_refunds(system)
        await self.work()

    async def payment(self, payment_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await reading.get_payment(self.ctx, payment_id=UUID(payment_id))).model_dump(mode="json")
        return found

    async def credits(self) -> dict[str, str]:
        found: dict[str, str] = (await balances.get_credits(self.ctx)).model_dump(mode="json")
        return found

    async def saved(self, *, way: str = "pay") -> None:
        """Has a purchase leave a saved way to pay."""
        await self.bought(way=way, saves_method=True)

    async def invoiced(self, amount: int = 5000) -> UUID:
        """An open invoice of that many cents before tax."""
        return await issue(self.ctx, amount)

    async def payments_of(self, invoice_id: UUID) -> list[dict[str, Any]]:
        listed = await reading.list_payments(self.ctx, request=PageRequest(limit=100))
        return [one.model_dump(mode="json") for one in listed.items if one.invoice_id == invoice_id]

    async def refund(self, payment_id: str, *, key: str | None = None, **fields: object) -> tuple[int, dict[str, Any]]:
        answer = await self.customer.client.post(
            f"/v1/payments/{payment_id}/refunds", json=fields, headers={"Idempotency-Key": key or new_id().hex}
        )
        return answer.status_code, answer.json()

    async def subject(self, payment_id: str) -> str:
        """The payment's id at the vendor."""
        async with self.ctx.transaction("billing") as tx:
            row = await payments.find_payment(tx, workspace_id=self.ctx.workspace, payment_id=UUID(payment_id))
        assert row is not None
        return row.subject or ""

    async def invoice_state(self, invoice_id: str) -> str | None:
        async with self.ctx.transaction("billing") as tx:
            row = await invoices.lock_state(tx, workspace_id=self.ctx.workspace, invoice_id=UUID(invoice_id))
        return None if row is None else row.state

    async def asked(self) -> list[dict[str, Any]]:
        """The calls that the vendor got."""
        async with self.http.get(f"{self.vendor}/_requests") as answer:
            found: list[dict[str, Any]] = (await answer.json())["requests"]
            return found

    async def post(self, path: str, wanted: object = None) -> dict[str, Any]:
        async with self.http.post(f"{self.vendor}{path}", json=wanted) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def _put(self, path: str, wanted: object) -> None:
        async with self.http.put(f"{self.vendor}{path}", json=wanted) as answer:
            assert answer.status == 204, await answer.text()
