"""The people of a company, and all by which they come in: invitations, roles, factors, a provider, visits of staff."""

from dataclasses import dataclass

import httpx2
from tests.customers import PASSWORD, Customer, visitor_at
from tests.modules.compliance.samples import TOKEN
from tests.modules.identity.mfa.authenticator import SoftwareAuthenticator
from tests.modules.identity.mfa.people import ORIGIN
from tests.modules.identity.sso.companies import company_at, enrol
from tests.modules.identity.workspaces.staff import operator_token
from tests.tenancy.stage import Stage, post

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.service.operators import add_operator

Ids = dict[str, str]
REASON = "the customer asked for help with an import"


@dataclass(frozen=True, slots=True)
class People:
    """Ids of what was made, an operator's token, and the device that holds the owner's passkey."""

    ids: Ids
    operator_token: str
    device: SoftwareAuthenticator


async def grown(stage: Stage, owner: Customer, mark: str, ids: Ids) -> People:
    """Everything about people that a company can have."""
    client, found = owner.client, Ids()
    found["role_id"] = (await post(client, "/v1/roles", {"name": f"{mark} Interns", "permissions": ["contacts:read"]}))["role"]
    found["user_id"] = await _joined(stage, client, mark)
    pending = {"email": f"pending-{mark}@example.com", "role": "viewer"}
    found["invitation_id"] = (await post(client, "/v1/invitations", pending))["id"]
    device = SoftwareAuthenticator(origin=ORIGIN)
    found |= await _factors(stage, owner, mark, found["role_id"], device)
    found |= await _grants(client, ids, found)
    found |= await _provider(stage, owner, mark)
    await post(client, "/v1/workspace/transfer", {"user_id": found["user_id"]})
    found["agency_workspace_id"] = (await post(client, "/v1/agency/workspaces", {"name": f"{mark} Client"}))["id"]
    operator_token, found["visit_id"] = await _visit(stage, ids["workspace_id"], mark)
    return People(found, operator_token, device)


async def _joined(stage: Stage, client: httpx2.AsyncClient, mark: str) -> str:
    address = f"grace-{mark}@example.com"
    await post(client, "/v1/invitations", {"email": address, "role": "admin"})
    await stage.settle()
    token = next(text[1] for mail in reversed(stage.outbox.mails) if mail.recipient == address and (text := TOKEN.search(mail.text)))
    async with visitor_at(stage.app) as visitor:
        await post(visitor, "/v1/invitations/accept", {"token": token, "name": f"{mark} Grace", "password": PASSWORD})
        signed_in = await post(visitor, "/v1/auth/sign-in", {"email": address, "password": PASSWORD})
        await post(visitor, "/v1/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
    return str(signed_in["user"]["id"])


async def _factors(stage: Stage, owner: Customer, mark: str, role_id: str, device: SoftwareAuthenticator) -> Ids:
    client = owner.client
    await enrol(client)
    ceremony = await post(client, "/v1/auth/mfa/passkeys/options")
    credential = device.make(ceremony["options"])
    wanted = {"ceremony": ceremony["ceremony"], "name": f"{mark} Key", "credential": credential}
    added = await post(client, "/v1/auth/mfa/passkeys", wanted)
    client.headers["Authorization"] = f"Bearer {added['session']['access_token']}"
    demanded = await client.put("/v1/auth/mfa/policy", json={"demanded_of": "roles", "roles": [role_id]})
    assert demanded.status_code == 200, demanded.text
    async with visitor_at(stage.app) as visitor:
        asked = await post(visitor, "/v1/auth/sign-in", {"email": owner.email, "password": owner.password})
    assert "attempt" in asked
    return {"passkey_id": added["passkey"]["id"]}


async def _grants(client: httpx2.AsyncClient, ids: Ids, found: Ids) -> Ids:
    made = {}
    for noun, place in (("segments", ids["segment_id"]), ("campaigns", ids["campaign_id"])):
        path = f"/v1/{noun}/{place}/grants"
        made[f"{noun}.grant_id"] = (await post(client, path, {"user_id": found["user_id"]}))["id"]
        await post(client, path, {"role": found["role_id"]})
    return made


async def _provider(stage: Stage, owner: Customer, mark: str) -> Ids:
    async with company_at(stage.app, stage.issuers) as made:
        made.owner = owner
        connection = await made.connect(name=f"{mark} provider")
        came = await made.come("ada")
        assert came.status_code == 200, came.text
        domain = str(connection["domains"][0]["domain"])
        return {"connection_id": str(connection["id"]), "domain": domain, "issuer": made.provider.issuer}


async def _visit(stage: Stage, workspace_id: str, mark: str) -> tuple[str, str]:
    address = f"olga-{new_id()}@operators.example"
    await add_operator(stage.composition.runtime.system(), email=address, name="Olga", password=PASSWORD)
    now = stage.composition.runtime.clock.now()
    token = await operator_token(stage.app, email=address, password=PASSWORD, now=now)
    async with visitor_at(stage.app) as visitor:
        visitor.headers["Authorization"] = f"Bearer {token}"
        wanted = {"workspace_id": workspace_id, "reason": f"{REASON} {mark}", "ticket": mark}
        visit = (await post(visitor, "/v1/operators/visits", wanted))["visit"]["id"]
        raised = {"workspace_id": workspace_id, "reason": f"{REASON} {mark}"}
        await post(visitor, f"/v1/operators/visits/{visit}/elevate", raised)
    return str(token), str(visit)
