"""Where plans are asked: contacts, imports, seats, single sign-on; and exactly, whoever comes at once."""

import asyncio
from collections import Counter
from uuid import UUID

import httpx2
import pytest
from tests.customers import Customer, customer_at
from tests.modules.billing.plans.offers import limited, offered, put_on

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.modules.audience.contracts import ContactFields
from nexusone.modules.audience.service import contacts
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.plans import FeatureContent
from nexusone.modules.identity.contracts.members import NewInvitation
from nexusone.modules.identity.service import invitations
from nexusone.platform.runtime import Context, Runtime

CROWD = 50
CSV = b"external_id,email\n" + b"".join(b"crm-%d,person-%d@engines.example\n" % (number, number) for number in range(6))


async def on_plan(composition: Composition, customer: Customer, **features: FeatureContent) -> None:
    """The company is on a plan that gives that; names are those of features, with two underscores for the dot."""
    wanted = {name.replace("__", "."): terms for name, terms in features.items()}
    await put_on(composition.runtime.system(customer.workspace_id), await offered(composition.runtime, wanted))


def refused(answer: httpx2.Response) -> str:
    """The detail of a refusal by the plan."""
    assert (answer.status_code, answer.json()["code"]) == (402, "billing.not_in_plan"), answer.text
    return str(answer.json()["detail"])


async def test_a_contact_over_the_limit_is_refused_and_says_which_plan_would_allow_it(customer: Customer, composition: Composition) -> None:
    await on_plan(composition, customer, contacts__total=limited(1))
    first = {"external_id": "crm-1", "email": "ada@engines.example"}
    assert (await customer.client.post("/v1/contacts", json=first)).status_code == 201
    detail = refused(await customer.client.post("/v1/contacts", json={"email": "grace@engines.example"}))
    assert "allows 1, 1 are used" in detail
    assert "free" in detail
    refused(await customer.client.put("/v1/contacts/by-external-id/crm-2", json={"first_name": "Grace"}))
    changed = await customer.client.put("/v1/contacts/by-external-id/crm-1", json={"first_name": "Ada"})
    assert changed.status_code == 200


async def test_mon_05_of_fifty_contacts_for_the_last_place_exactly_one_is_made(runtime: Runtime, crowded_runtime: Runtime) -> None:
    ctx, at_once = crowded_runtime.system(new_id()), asyncio.Barrier(CROWD)
    await put_on(ctx, await offered(runtime, {"contacts.total": limited(1)}))

    async def one(number: int) -> str:
        await at_once.wait()
        try:
            await contacts.create_contact(ctx, wanted=ContactFields(email=f"person-{number}@engines.example"))
        except api.NotInPlan:
            return "refused"
        return "made"

    assert Counter(await asyncio.gather(*(one(number) for number in range(CROWD)))) == {"made": 1, "refused": CROWD - 1}


async def test_an_import_stops_before_the_batch_that_does_not_fit(customer: Customer, composition: Composition) -> None:
    await on_plan(composition, customer, contacts__total=limited(5))
    files = {"file": ("contacts.csv", CSV, "text/csv")}
    queued = (await customer.client.post("/v1/contacts/imports", files=files)).json()
    await composition.worker(only=["audience"]).drain()
    ended = (await customer.client.get(f"/v1/contacts/imports/{queued['id']}")).json()
    assert (ended["status"], ended["failure"]["code"], ended["created"]) == ("failed", "billing.not_in_plan", 0)
    await on_plan(composition, customer, contacts__total=limited(6))
    queued = (await customer.client.post("/v1/contacts/imports", files=files)).json()
    await composition.worker(only=["audience"]).drain()
    ended = (await customer.client.get(f"/v1/contacts/imports/{queued['id']}")).json()
    assert (ended["status"], ended["created"]) == ("succeeded", 6)


async def test_open_invitations_take_seats_and_withdrawn_ones_give_them_back(customer: Customer, composition: Composition) -> None:
    await on_plan(composition, customer, members__seats=limited(2))
    made = await customer.client.post("/v1/invitations", json={"email": "grace@engines.example", "role": "viewer"})
    assert made.status_code == 201, made.text
    refused(await customer.client.post("/v1/invitations", json={"email": "mary@engines.example", "role": "viewer"}))
    await customer.client.delete(f"/v1/invitations/{made.json()['id']}")
    again = await customer.client.post("/v1/invitations", json={"email": "mary@engines.example", "role": "viewer"})
    assert again.status_code == 201


async def test_mon_05_of_fifty_invitations_for_the_last_seat_exactly_one_is_sent(
    customer: Customer, composition: Composition, crowded_runtime: Runtime
) -> None:
    await on_plan(composition, customer, members__seats=limited(2))
    ctx, at_once = crowded_runtime.system(customer.workspace_id), asyncio.Barrier(CROWD)

    async def one(number: int) -> str:
        await at_once.wait()
        try:
            await invitations.invite(ctx, wanted=NewInvitation(email=f"person-{number}@engines.example", role="viewer"))
        except api.NotInPlan:
            return "refused"
        return "invited"

    assert Counter(await asyncio.gather(*(one(number) for number in range(CROWD)))) == {"invited": 1, "refused": CROWD - 1}


async def test_single_sign_on_is_for_plans_that_have_it(customer: Customer, composition: Composition) -> None:
    await on_plan(composition, customer, members__seats=limited(2))
    wanted = {
        "name": "Company",
        "issuer": "https://login.engines.example",
        "client_id": "nexusone",
        "client_secret": "a secret of the provider",
        "default_role": "viewer",
        "domains": ["engines.example"],
    }
    assert "growth" in refused(await customer.client.post("/v1/sso-connections", json=wanted))


async def test_a_pool_is_for_plans_that_have_agencies(customer: Customer, composition: Composition) -> None:
    await on_plan(composition, customer, members__seats=limited(2))
    assert "scale" in refused(await customer.client.put("/v1/agency/pool", json={"is_open": True}))


async def test_what_there_is_shows_in_the_plan(customer: Customer, composition: Composition) -> None:
    await on_plan(composition, customer, contacts__total=limited(10), campaigns__monthly_messages=limited(9), sso=FeatureContent())
    ctx = composition.runtime.system(customer.workspace_id)
    await customer.client.post("/v1/contacts", json={"email": "ada@engines.example"})
    await api.take_entitlement(ctx, feature="campaigns.monthly_messages", quantity=4, key="k")
    plan = (await customer.client.get("/v1/plan")).json()
    shown = {item["feature"]: (item["is_included"], item["limit"], item["used"]) for item in plan["features"]}
    assert shown["contacts.total"] == (True, 10, 1)
    assert shown["campaigns.monthly_messages"] == (True, 9, 4)
    assert shown["sso"] == (True, None, None)
    assert shown["members.seats"] == (False, 0, 1)
    assert plan["version"] == 1
    assert plan["since"] is not None
    assert (await customer.client.get("/v1/entitlements")).json()["items"] == plan["features"]
    question = "{ plan { code features { feature limit used } } entitlements { feature is_included } }"
    graph = (await customer.client.post("/graphql", json={"query": question})).json()["data"]
    assert graph["plan"]["code"] == plan["code"]
    assert {"feature": "contacts.total", "limit": "10", "used": "1"} in graph["plan"]["features"]
    assert {"feature": "agency", "is_included": False} in graph["entitlements"]


async def test_each_company_has_its_own_counts(customer: Customer, composition: Composition) -> None:
    async with customer_at(composition.application()) as other:
        version = await offered(composition.runtime, {"campaigns.monthly_messages": limited(1)})
        for each in (customer.workspace_id, other.workspace_id):
            await put_on(composition.runtime.system(each), version)
            await api.take_entitlement(_of(composition, each), feature="campaigns.monthly_messages", quantity=1, key="k")
            with pytest.raises(api.NotInPlan):
                await api.take_entitlement(_of(composition, each), feature="campaigns.monthly_messages", quantity=1, key="l")


def _of(composition: Composition, workspace_id: UUID) -> Context:
    return composition.runtime.system(workspace_id)
