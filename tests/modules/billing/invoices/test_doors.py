"""Invoices and who is billed, as the outside meets them."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest
from starlette.types import ASGIApp
from tests.customers import Customer, visitor_at
from tests.modules.billing.invoices.billed import bill_to, draft, issue
from tests.modules.identity.workspaces.staff import hired

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.invoices import NewBillingProfile, PaperOrder
from nexusone.modules.billing.ports import VatIdAnswer, VatIdChecker
from nexusone.modules.billing.service import invoice_lists, invoice_papers, profiles
from nexusone.platform.runtime import Context, Runtime

PROFILE = {
    "legal_name": "Example Roasters S.L.",
    "street": "Calle Mayor 1",
    "postal_code": "28013",
    "city": "Madrid",
    "region": "",
    "country": "ES",
    "vat_id": "B12345678",
    "email": "accounts@example.com",
    "currency": "EUR",
    "locale": "es",
}


class Register:
    """A VatIdChecker that says what it is told to."""

    def __init__(self, *answers: VatIdAnswer) -> None:
        self.answers = list(answers)

    async def check(self, *, country: str, vat_id: str, asker: str | None) -> VatIdAnswer:
        """See VatIdChecker."""
        return self.answers.pop(0)

    async def close(self) -> None:
        """Nothing to do."""


@pytest.fixture
async def operator(application: ASGIApp, runtime: Runtime) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody of the operating company."""
    async with visitor_at(application) as made:
        made.headers["Authorization"] = f"Bearer {await hired(application, runtime)}"
        yield made


def inside(customer: Customer, runtime: Runtime) -> Context:
    """The customer's workspace from within."""
    return runtime.system(customer.workspace_id)


async def test_a_profile_is_written_read_and_guarded_by_its_version(customer: Customer) -> None:
    missing = await customer.client.get("/v1/billing-profile")
    assert (missing.status_code, missing.json()["code"]) == (409, "billing.profile_missing")
    written = await customer.client.put("/v1/billing-profile", json=PROFILE)
    assert written.status_code == 200, written.text
    assert (written.json()["vat_id"], written.json()["vat_outcome"]) == ("ESB12345678", "unknown")
    again = await customer.client.put(
        "/v1/billing-profile", json={**PROFILE, "city": "Sevilla"}, headers={"If-Match": written.headers["ETag"]}
    )
    assert again.status_code == 200
    stale = await customer.client.put("/v1/billing-profile", json=PROFILE, headers={"If-Match": written.headers["ETag"]})
    assert stale.status_code == 412
    assert (await customer.client.get("/v1/billing-profile")).json()["city"] == "Sevilla"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vat_id": "ES1"}, "request.unprocessable"),
        ({"vat_id": "DE123456789"}, "billing.vat_id_malformed"),
        ({"currency": "XXY"}, "billing.currency_unknown"),
        ({"locale": "klingon!"}, "billing.locale_unknown"),
        ({"country": "Spain"}, "request.unprocessable"),
        ({"email": "nobody"}, "request.unprocessable"),
    ],
)
async def test_a_profile_that_does_not_hold_together_is_refused(customer: Customer, changes: dict[str, str], code: str) -> None:
    answer = await customer.client.put("/v1/billing-profile", json={**PROFILE, **changes})
    assert answer.status_code == 422
    assert answer.json()["code"] == code


async def test_an_unknown_vat_id_never_blocks_and_is_asked_for_again(ctx: Context) -> None:
    register = Register(VatIdAnswer("unknown"), VatIdAnswer("valid", "R1"))
    ctx = replace(ctx, runtime=replace(ctx.runtime, ports={**ctx.runtime.ports, VatIdChecker: register}))
    profile, _ = await profiles.put_profile(ctx, wanted=NewBillingProfile.model_validate(PROFILE), version=None)
    assert profile.vat_outcome == "unknown"
    taxed = await invoice_lists.get_invoice(ctx, invoice_id=await issue(ctx, 1000))
    assert (taxed.invoice.taxation.treatment, taxed.invoice.tax.amount) == ("standard", 210)
    await profiles.check_vat_id(ctx)
    free = await invoice_lists.get_invoice(ctx, invoice_id=await issue(ctx, 1000))
    assert (free.invoice.taxation.treatment, free.invoice.tax.amount) == ("reverse_charge", 0)
    assert free.buyer.vat_id == "ESB12345678"


async def test_invoices_are_listed_shown_fetched_and_exported(customer: Customer, runtime: Runtime) -> None:
    ctx = await bill_to(inside(customer, runtime), name="=HYPERLINK(1)")
    ids = [str(await issue(ctx, 1000, -100)) for _ in range(3)]
    page = (await customer.client.get("/v1/invoices?limit=2&state=open")).json()
    rest = (await customer.client.get("/v1/invoices", params={"limit": 2, "state": "open", "cursor": page["next_cursor"]})).json()
    assert [item["id"] for item in (*page["items"], *rest["items"])] == ids[::-1]
    one = (await customer.client.get(f"/v1/invoices/{ids[0]}")).json()
    assert one["invoice"]["total"] == {"amount": 1071, "currency": "EUR"}
    assert [line["net"]["amount"] for line in one["lines"]] == [1000, -100]
    assert (await customer.client.get(f"/v1/invoices/{ids[0]}/pdf")).status_code == 409
    await invoice_papers.typeset_paper(ctx, order=PaperOrder(invoice_id=UUID(ids[0])))
    pdf = await customer.client.get(f"/v1/invoices/{ids[0]}/pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    table = list(csv.DictReader(io.StringIO((await customer.client.get("/v1/invoices/export.csv")).text)))
    assert [row["total"] for row in table] == ["10.71"] * 3
    assert {row["buyer"] for row in table} == {"'=HYPERLINK(1)"}
    assert (await customer.client.get(f"/v1/invoices/{new_id()}")).status_code == 404


async def test_operators_alone_issue_credit_notes(customer: Customer, runtime: Runtime, operator: httpx2.AsyncClient) -> None:
    invoice = await issue(await bill_to(inside(customer, runtime)), wanted=draft(1000))
    path = f"/v1/operators/workspaces/{customer.workspace_id}/invoices/{invoice}/credit-notes"
    body = {"key": "t-1", "reason": "Charged twice", "lines": [{"position": 1, "amount": 500}]}
    assert (await customer.client.post(path, json=body)).status_code in (401, 403)
    first, again = await operator.post(path, json=body), await operator.post(path, json=body)
    assert first.status_code == 201, first.text
    assert first.json() == again.json()
    note = UUID(first.json()["id"])
    pdf = f"/v1/credit-notes/{note}/pdf"
    assert (await customer.client.get(pdf)).json()["code"] == "billing.invoice_not_rendered"
    await invoice_papers.typeset_paper(inside(customer, runtime), order=PaperOrder(invoice_id=invoice, credit_note_id=note))
    shown = await customer.client.get(pdf)
    assert (shown.status_code, shown.headers["content-type"], shown.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert (await customer.client.get(f"/v1/credit-notes/{new_id()}/pdf")).json()["code"] == "billing.invoice_not_found"
    shown = (await customer.client.get(f"/v1/invoices/{invoice}")).json()
    assert shown["invoice"]["credited"]["amount"] == 595
    too_much = await operator.post(path, json={**body, "key": "t-2", "lines": [{"position": 1, "amount": 501}]})
    assert (too_much.status_code, too_much.json()["code"]) == (422, "billing.credit_exceeds_invoice")


async def test_the_graph_shows_invoices_and_usage(customer: Customer, runtime: Runtime) -> None:
    invoice = await issue(await bill_to(inside(customer, runtime)), 1000)
    listed, one = "invoices { items { number total { amount } } }", f'invoice(id: "{invoice}") {{ lines {{ kind }} }}'
    query = f"{{ {listed} {one} usage {{ meter value }} }}"
    answer = (await customer.client.post("/graphql", json={"query": query})).json()
    assert "errors" not in answer, answer
    assert answer["data"]["invoices"]["items"][0]["total"]["amount"] == "1190"
    assert answer["data"]["invoice"]["lines"] == [{"kind": "subscription"}]


async def test_usage_is_reported_once_per_id_and_read_back(customer: Customer, runtime: Runtime, operator: httpx2.AsyncClient) -> None:
    now = inside(customer, runtime).now().isoformat()
    events = [{"id": f"e{number}", "meter": "messages.sent", "quantity": 3, "occurred_at": now} for number in range(1000)]
    answers = [(await customer.client.post("/v1/usage", json={"events": events})).json() for _ in range(2)]
    assert answers == [{"recorded": 1000, "known": 0}, {"recorded": 0, "known": 1000}]
    history = (await customer.client.get("/v1/usage/messages.sent")).json()
    shown = (await customer.client.get("/v1/usage")).json()
    assert {meter["meter"]: meter["value"] for meter in shown["meters"]}["messages.sent"] in (0, 3000)
    assert history["total"]["unit"] == "message"
    assert (await customer.client.post("/v1/usage", json={"events": [*events, events[0]]})).status_code == 422
    margin = await operator.get(f"/v1/operators/workspaces/{customer.workspace_id}/margin")
    assert margin.status_code == 200, margin.text
    floor = await operator.put(
        f"/v1/operators/workspaces/{customer.workspace_id}/margin-floor", json={"floor_bps": 2000, "reaction": "stop"}
    )
    assert (floor.json()["floor_bps"], floor.json()["reaction"]) == (2000, "stop")
    missing = await operator.put(f"/v1/operators/workspaces/{new_id()}/margin-floor", json={"floor_bps": 2000, "reaction": "stop"})
    assert (missing.status_code, missing.json()["code"]) == (404, "billing.workspace_unknown")
