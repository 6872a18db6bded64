"""All that a company can have of credits, plans, invoices and payments."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

import aiohttp
import httpx2
from tests.customers import visitor_at
from tests.modules.billing.invoices.billed import draft, issue
from tests.modules.billing.plans.offers import limited, offered, put_on
from tests.tenancy.stage import Stage, call, get, post

from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.contracts.plans import FeatureContent
from nexusone.modules.billing.domain.features import FEATURES
from nexusone.modules.billing.events.invoices import InvoicePaymentFailed
from nexusone.modules.billing.service import dunning, grants, invoicing, payments_calling, payments_methods, pools_drawing, usage_closing
from nexusone.modules.billing.service.payment_gateways import chosen
from nexusone.modules.billing.service.payments_settling import trace_of
from nexusone.modules.billing.store import payments
from nexusone.modules.billing.store import pools as pool_rows
from nexusone.platform.runtime import Context

Ids = dict[str, str]
ACTION = re.compile(r'<form method="post" action="([^"]+)"')
PURPOSE = "tenancy"
BIG = "5000"


async def grown(stage: Stage, client: httpx2.AsyncClient, operator_token: str, mark: str, ids: Ids) -> Ids:
    """Everything about money that a company can have; `ids` are of the company and its client."""
    ctx = stage.composition.runtime.system(UUID(ids["workspace_id"]))
    profile = {"legal_name": f"{mark} Ltd", "street": mark, "city": mark, "country": "DE", "vat_id": "DE123456789"}
    await call(client, "PUT", "/v1/billing-profile", {**profile, "email": f"accounts-{mark}@example.com", "currency": "EUR"})
    found = await _payments(stage, client, ctx, mark)
    await _spending(client, ctx, mark)
    await _usage(client, ctx, mark)
    async with visitor_at(stage.app) as desk:
        desk.headers["Authorization"] = f"Bearer {operator_token}"
        await _subscription(stage, client, ctx, desk)
        found |= await _desk(client, desk, mark, ids["workspace_id"])
    await _pool(stage, client, ctx, UUID(ids["agency_workspace_id"]))
    await stage.settle()
    everything = {name: FeatureContent() if feature.kind == "boolean" else limited(None) for name, feature in FEATURES.items()}
    await put_on(ctx, await offered(ctx.runtime, everything))
    await billing.take_entitlement(ctx, feature="campaigns.monthly_messages", quantity=1, key=mark)
    listed = (await get(client, "/v1/credits/grants"))["items"]
    spent = [grant["id"] for grant in listed if (await get(client, f"/v1/credits/grants/{grant['id']}/spends"))["items"]]
    return found | {"credit_grant_id": spent[0]}


async def _payments(stage: Stage, client: httpx2.AsyncClient, ctx: Context, mark: str) -> Ids:
    """A purchase that was paid at the vendor and saved the way to pay, with a refund and a dispute."""
    wanted = {"pack": "small", "currency": "USD", "saves_method": True, "return_url": "https://app.example/back"}
    bought = await post(client, "/v1/credits/purchases", wanted)
    payment_id = UUID(bought["payment"]["id"])
    async with aiohttp.ClientSession() as http:
        await _paid(http, bought["checkout_url"])
        await payments_calling.pursue(ctx, payment_id=payment_id)
        await payments_methods.sync_after(ctx, payment_id=payment_id)
        await post(client, f"/v1/payments/{payment_id}/refunds", {"amount": 1, "reason": mark})
        async with ctx.transaction("billing") as tx:
            row = await payments.find_payment(tx, workspace_id=ctx.workspace, payment_id=payment_id)
        assert row is not None
        async with http.post(f"{stage.payments}/_disputes/{row.subject}") as disputed:
            assert disputed.status == 200, await disputed.text()
    _, gateway = chosen(ctx, name=row.gateway)
    seen = await gateway.find_payment(trace_of(row))
    assert seen is not None
    await payments_calling.take_in(ctx, gateway, row, seen)
    await stage.settle()
    (method,) = (await get(client, "/v1/payment-methods"))["items"]
    (invoice,) = (await get(client, "/v1/invoices"))["items"]
    return {"payment_id": str(payment_id), "method_id": method["id"], "invoice_id": invoice["id"]}


async def _paid(http: aiohttp.ClientSession, page: str) -> None:
    async with http.get(page) as shown:
        action = ACTION.search(await shown.text())
    assert action is not None
    async with http.post(urljoin(page, action[1]), data={"way": "pay"}, allow_redirects=False) as answer:
        assert answer.status == 303


async def _spending(client: httpx2.AsyncClient, ctx: Context, mark: str) -> None:
    """Caps that counted something, alerts, automatic top-up, and a grant that rolls over."""
    caps = [{"scope": "workspace", "period": "day", "limit": BIG}, {"scope": "job", "subject": mark, "period": "ever", "limit": BIG}]
    await call(client, "PUT", "/v1/credits/caps", {"caps": caps})
    await call(client, "PUT", "/v1/credits/alerts", {"thresholds": ["2", "1"]})
    top_up = {"is_enabled": True, "threshold": "1", "amount": "100", "monthly_maximum": "100"}
    await call(client, "PUT", "/v1/credits/top-up", top_up)
    await billing.hold(ctx, key=mark, amount_micros=2_000_000, purpose=PURPOSE, expires_in=timedelta(hours=1), job=mark)
    await billing.settle(ctx, key=mark, amount_micros=1_000_000)
    ends = ctx.now() + timedelta(days=30)
    async with ctx.transaction("billing") as tx:
        rolls = grants.Rollover(until=ends + timedelta(days=30), max_micros=None)
        await grants.grant(ctx, tx, key="rolls", source="promotion", amount_micros=1, priority=None, expires_at=ends, rollover=rolls)


async def _usage(client: httpx2.AsyncClient, ctx: Context, mark: str) -> None:
    """Usage of a closed period, and what a vendor charged for a purpose."""
    now = ctx.now()
    event = {"id": mark, "meter": "messages.sent", "quantity": 3, "subject": mark, "occurred_at": now.isoformat()}
    await post(client, "/v1/usage", {"events": [event]})
    async with ctx.transaction("billing") as tx:
        await usage_closing.close_period(ctx, tx, period_start=now - timedelta(days=60), period_end=now - timedelta(days=30))
    # More than a credit earns.
    await billing.record_cost(ctx, key=mark, purpose=PURPOSE, cost_nano=10**9)


async def _subscription(stage: Stage, client: httpx2.AsyncClient, ctx: Context, desk: httpx2.AsyncClient) -> None:
    """A subscription with a coupon, whose first invoice was paid, and another that was dunned for."""
    code = new_id().hex.upper()
    await call(desk, "PUT", f"/v1/operators/coupons/{code}", {"percent": "10"})
    wanted = {"plan": "scale", "coupon": code, "is_trial": False}
    begun = await post(client, "/v1/subscription", wanted)
    await stage.settle()
    subscription_id = UUID(begun["id"])
    invoice_id = await issue(ctx, wanted=draft(500, subscription_id=subscription_id))
    async with ctx.transaction("billing") as tx:
        await invoicing.mark_failed(ctx, tx, invoice_id=invoice_id)
    failed = InvoicePaymentFailed(invoice_id=invoice_id, subscription_id=subscription_id, failures=1, reason="declined")
    await dunning.note_failed(ctx, event=failed)


async def _desk(client: httpx2.AsyncClient, desk: httpx2.AsyncClient, mark: str, workspace_id: str) -> Ids:
    """What operators do to a company."""
    path = f"/v1/operators/workspaces/{workspace_id}"
    invoice = (await get(client, "/v1/invoices"))["items"][0]["id"]
    note = {"key": mark, "reason": mark, "lines": [{"position": 1, "amount": 1}]}
    credited = await call(desk, "POST", f"{path}/invoices/{invoice}/credit-notes", note)
    wanted = {"key": mark, "kind": "compensation", "amount": BIG, "reason": mark}
    waits = await call(desk, "POST", f"{path}/adjustments", wanted)
    await call(desk, "PUT", f"{path}/margin-floor", {"floor_bps": 9000, "reaction": "tell"})
    return {"adjustment_id": waits["id"], "credit_note_id": credited["id"]}


async def _pool(stage: Stage, client: httpx2.AsyncClient, ctx: Context, client_id: UUID) -> None:
    """A pool that a client drew from; and what a client has itself, in the company's own workspace, which has no agency."""
    await call(client, "PUT", "/v1/agency/pool", {"is_open": True})
    share: dict[str, Any] = {"is_member": True, "mark_up_percent": "10"}
    await call(client, "PUT", f"/v1/agency/pool/{client_id}", share)
    await pools_drawing.draw(stage.composition.runtime.system(client_id), agency_id=ctx.workspace, key="tenancy", amount_micros=1)
    await grants.grant_alone(ctx, key="tenancy", amount_micros=1, source="pool")
    async with ctx.transaction("billing") as tx:
        await pool_rows.put_membership(tx, workspace_id=ctx.workspace, agency_id=client_id, is_member=False, now=ctx.now())
    await pools_drawing.return_unused(ctx, agency_id=client_id)
