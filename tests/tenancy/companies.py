"""Two companies that have used everything the product offers, in one deployment."""

import random
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

import httpx2
from tests.architecture.operations import no_lifespan
from tests.modules.ai.scripted import scripted
from tests.modules.marketing.sending.carrier import Carrier
from tests.tenancy.credit_rows import fill_credits
from tests.tenancy.payment_rows import fill_payments
from tests.tenancy.plan_rows import fill_plans
from tests.tenancy.subscription_rows import fill_subscriptions

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.ports import TextModel
from nexusone.modules.marketing.ports import EmailTransport

MJML = """
<mjml><mj-body><mj-section><mj-column>
<mj-text>Hello, <a href="https://engines.example">look</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""
SEGMENT = {"name": "Pros", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}
TEMPLATE = {"name": "Spring", "channel": "email", "default_locale": "en", "variants": {"en": {"subject": "Spring", "mjml": MJML}}}
ASKING = {"kind": "text", "prompt": "Announce the lamp.", "locale": "en"}
CSV = b"external_id,email,first_name\ncrm-2,second@engines.example,Grace\ncrm-3,no address,Nobody\n"


@dataclass(frozen=True, slots=True)
class Company:
    """A company: `client` speaks for its owner; `ids` are values for the parameters of paths."""

    client: httpx2.AsyncClient
    workspace_id: UUID
    ids: Mapping[str, str]


@asynccontextmanager
async def two_companies(composition: Composition) -> AsyncIterator[tuple[Company, Company]]:
    """Each has contacts, an import, a segment, a template, a sent campaign, a generation, an API key and a ledger."""
    carrier = Carrier()
    runtime = replace(composition.runtime, ports={**composition.runtime.ports, TextModel: scripted(), EmailTransport: carrier})
    used = replace(composition, runtime=runtime)
    async with _client(used) as first, _client(used) as second:
        yield await _grown(used, first, carrier), await _grown(used, second, carrier)


@asynccontextmanager
async def _client(composition: Composition) -> AsyncIterator[httpx2.AsyncClient]:
    # An address of its own, so that the limit on sign-ups counts for nobody else.
    address = ".".join(str(random.randint(1, 250)) for _ in range(4))
    transport = httpx2.ASGITransport(app=composition.application(lifespan=no_lifespan), client=(address, 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def _grown(composition: Composition, client: httpx2.AsyncClient, carrier: Carrier) -> Company:
    account = {"email": f"owner-{new_id()}@example.com", "password": "a long enough passphrase", "name": "Ada", "workspace_name": "Engines"}
    signed_in = await _post(client, "/v1/auth/sign-up", json=account)
    client.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
    # The sign-up's consequences, credits among them.
    await composition.worker().drain()
    contact = {"external_id": "crm-1", "email": f"ada-{new_id()}@example.com", "attributes": {"plan": "pro"}}
    ids = {
        "key_id": (await _post(client, "/v1/api-keys", json={"name": "machine"}))["key"]["id"],
        "contact_id": (await _post(client, "/v1/contacts", json=contact))["id"],
        "external_id": "crm-1",
        "segment_id": (await _post(client, "/v1/segments", json=SEGMENT))["id"],
        "template_id": (await _post(client, "/v1/templates", json=TEMPLATE))["id"],
        "generation_id": (await _post(client, "/v1/generations", json=ASKING))["id"],
        "import_id": (await _post(client, "/v1/contacts/imports", files={"file": ("contacts.csv", CSV, "text/csv")}))["id"],
    }
    ids["workspace_id"] = (await _post(client, "/v1/agency/workspaces", json={"name": "Client"}))["id"]
    campaign = {"name": "Spring", "from_name": "Ada", "from_email": "news@engines.example"}
    campaign |= {"template_id": ids["template_id"], "segment_id": ids["segment_id"]}
    ids["campaign_id"] = (await _post(client, "/v1/campaigns", json=campaign))["id"]
    await _post(client, f"/v1/campaigns/{ids['campaign_id']}/send")
    await composition.worker().drain()
    await _unsubscribe(client, carrier, contact["email"])
    workspace_id = UUID(signed_in["workspace"]["id"])
    await composition.runtime.vault.key_of(workspace_id)
    ids |= await fill_payments(composition.runtime.system(workspace_id))
    await fill_subscriptions(composition.runtime.system(workspace_id))
    ids |= await fill_credits(composition.runtime.system(workspace_id))
    await fill_plans(composition.runtime.system(workspace_id), client_id=UUID(ids["workspace_id"]))
    return Company(client, workspace_id, ids)


async def _unsubscribe(client: httpx2.AsyncClient, carrier: Carrier, address: object) -> None:
    (mail,) = (mail for mail in carrier.taken if mail.recipient == address)
    header = message_from_bytes(mail.mime, policy=policy.default)["List-Unsubscribe"]
    (path,) = re.findall(r"<https?://[^/]+(/u/[^>]+)>", str(header))
    answer = await client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code < 300, answer.text


async def _post(client: httpx2.AsyncClient, path: str, **body: Any) -> Any:
    answer = await client.post(path, headers={"Idempotency-Key": str(new_id())}, **body)
    assert answer.status_code in (200, 201, 202), answer.text
    return answer.json()
