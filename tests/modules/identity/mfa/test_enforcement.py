"""What a workspace demands holds at every door, for every session, whichever way it began."""

from collections.abc import Iterator
from uuid import UUID

import httpx2
import psycopg
import pytest
from fastapi.routing import APIRoute
from tests.architecture.operations import operations
from tests.conftest import TestDatabase
from tests.customers import visitor_at
from tests.modules.identity.mfa.authenticator import SoftwareAuthenticator
from tests.modules.identity.mfa.conftest import PersonMaker
from tests.modules.identity.mfa.people import Json, Person, sign_in_with_passkey

from nexusone.modules.identity.domain.mfa import ENROLMENT
from nexusone.web.gate import PUBLIC
from nexusone.web.rights import OPERATOR

CODE = "identity.mfa_enrolment_needed"


def guarded() -> Iterator[APIRoute]:
    """Every operation that needs a session and is no way to a second factor."""
    for route, declared in operations():
        if declared.permission not in (PUBLIC, OPERATOR) and declared.operation not in ENROLMENT:
            yield route


async def demand(person: Person, **policy: object) -> None:
    """Demands second factors in the person's workspace."""
    answer = await person.client.put("/v1/auth/mfa/policy", json=policy)
    assert answer.status_code == 200, answer.text


async def join(database: TestDatabase, person: Person, *, workspace: str, role: str) -> Json:
    """Makes a person a member of another workspace too, and signs them in there by password."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute(
            "insert into identity.member (workspace_id, user_id, role, created_at) values (%s, %s, %s, now())",
            (UUID(workspace), UUID(person.customer.session["user"]["id"]), role),
        )
    async with visitor_at(person.app) as visitor:
        wanted = {"email": person.customer.email, "password": person.customer.password, "workspace_id": workspace}
        return dict((await visitor.post("/v1/auth/sign-in", json=wanted)).json())


async def asked(person: Person, session: Json, path: str = "/v1/me") -> httpx2.Response:
    """What a session is answered."""
    async with visitor_at(person.app) as visitor:
        return await visitor.get(path, headers={"Authorization": f"Bearer {session['access_token']}"})


def test_every_operation_that_leads_to_a_second_factor_is_there() -> None:
    assert {declared.operation for _, declared in operations()} >= ENROLMENT


async def test_authn_09_a_token_without_mfa_gets_403_everywhere_but_where_one_enrols(
    make_person: PersonMaker, database: TestDatabase
) -> None:
    owner, member = await make_person(), await make_person()
    await owner.enrol_totp()
    await demand(owner, demanded_of="everyone")
    session = await join(database, member, workspace=owner.workspace, role="owner")
    answers = {}
    async with visitor_at(owner.app) as visitor:
        visitor.headers["Authorization"] = f"Bearer {session['access_token']}"
        for route in guarded():
            path = route.path.replace("{", "").replace("}", "")
            for method in (route.methods or set()) - {"HEAD"}:
                answer = await visitor.request(method, path)
                told = answer.json()
                # A door that speaks the wire of others words its refusals as they do.
                answers[f"{method} {path}"] = (answer.status_code, told["code"] if "code" in told else told["error"]["code"])
    assert len(answers) > 40
    assert {place: answer for place, answer in answers.items() if answer != (403, CODE)} == {}


async def test_authn_09_who_must_enrol_can_do_so_and_goes_on(make_person: PersonMaker, database: TestDatabase) -> None:
    owner, member = await make_person(), await make_person()
    await owner.enrol_totp()
    await demand(owner, demanded_of="everyone")
    member.go_on(await join(database, member, workspace=owner.workspace, role="viewer"))
    refused = await member.client.get("/v1/me")
    assert (refused.status_code, refused.json()["code"]) == (403, CODE)
    state = (await member.client.get("/v1/auth/mfa")).json()
    assert (state["is_demanded"], state["is_satisfied"]) == (True, False)
    await member.enrol_totp()
    assert (await member.client.get("/v1/me")).status_code == 200


async def test_authn_09_a_passkey_satisfies_the_demand_too(
    make_person: PersonMaker, database: TestDatabase, device: SoftwareAuthenticator
) -> None:
    owner, member = await make_person(), await make_person()
    await owner.enrol_totp()
    await demand(owner, demanded_of="everyone")
    member.go_on(await join(database, member, workspace=owner.workspace, role="viewer"))
    await member.enrol_passkey(device)
    assert (await member.client.get("/v1/me")).status_code == 200
    alone = (await sign_in_with_passkey(member.app, device, workspace_id=owner.workspace)).json()
    assert (await asked(member, alone)).status_code == 200


@pytest.mark.parametrize(("role", "status"), [("admin", 403), ("viewer", 200)])
async def test_authn_09_a_demand_of_some_roles_is_one_of_those_only(
    make_person: PersonMaker, database: TestDatabase, role: str, status: int
) -> None:
    owner, member = await make_person(), await make_person()
    await owner.enrol_totp()
    await demand(owner, demanded_of="roles", roles=["owner", "admin"])
    session = await join(database, member, workspace=owner.workspace, role=role)
    assert (await asked(member, session)).status_code == status


async def test_authn_09_a_demand_reaches_sessions_that_are_open_and_their_refreshed_tokens(
    make_person: PersonMaker, database: TestDatabase
) -> None:
    owner, member = await make_person(), await make_person()
    session = await join(database, member, workspace=owner.workspace, role="viewer")
    assert (await asked(member, session)).status_code == 200
    await owner.enrol_totp()
    await demand(owner, demanded_of="everyone")
    assert (await asked(member, session)).json()["code"] == CODE
    async with visitor_at(owner.app) as visitor:
        refreshed = (await visitor.post("/v1/auth/refresh", json={"refresh_token": session["refresh_token"]})).json()
    assert (await asked(member, refreshed)).json()["code"] == CODE
    await demand(owner, demanded_of="nobody")
    assert (await asked(member, refreshed)).status_code == 200


async def test_authn_09_a_demand_holds_in_its_own_workspace_only(make_person: PersonMaker, database: TestDatabase) -> None:
    owner, member = await make_person(), await make_person()
    await owner.enrol_totp()
    await demand(owner, demanded_of="everyone")
    await join(database, member, workspace=owner.workspace, role="viewer")
    assert (await member.client.get("/v1/me")).status_code == 200


async def test_authn_09_a_step_up_by_password_does_not_satisfy_the_demand(make_person: PersonMaker, database: TestDatabase) -> None:
    owner, member = await make_person(), await make_person()
    await owner.enrol_totp()
    await demand(owner, demanded_of="everyone")
    member.go_on(await join(database, member, workspace=owner.workspace, role="viewer"))
    stepped = (await member.client.post("/v1/auth/mfa/step-up", json={"password": member.customer.password})).json()
    assert (await asked(member, stepped)).json()["code"] == CODE


async def test_the_last_factor_stays_while_the_workspace_demands_one(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_totp()
    await demand(person, demanded_of="everyone")
    refused = await person.client.delete("/v1/auth/mfa/totp")
    assert (refused.status_code, refused.json()["code"]) == (409, "identity.last_factor_demanded")
    assert (await person.client.get("/v1/auth/mfa")).json()["totp_since"] is not None
    await person.enrol_passkey(device)
    assert (await person.client.delete("/v1/auth/mfa/totp")).status_code == 204


async def test_who_has_no_second_factor_cannot_demand_one(person: Person) -> None:
    refused = await person.client.put("/v1/auth/mfa/policy", json={"demanded_of": "everyone"})
    assert (refused.status_code, refused.json()["code"]) == (403, CODE)
    assert (await person.client.get("/v1/auth/mfa/policy")).json() == {"demanded_of": "nobody", "roles": []}


async def test_a_demand_of_a_role_that_there_is_not_is_refused(person: Person) -> None:
    await person.enrol_totp()
    unknown = {"demanded_of": "roles", "roles": ["owner", "0199b9f8-0000-7000-8000-000000000000"]}
    refused = await person.client.put("/v1/auth/mfa/policy", json=unknown)
    assert (refused.status_code, refused.json()["code"]) == (404, "identity.role_not_found")
    assert (await person.client.get("/v1/auth/mfa/policy")).json() == {"demanded_of": "nobody", "roles": []}


async def test_a_demand_is_read_and_changed_by_those_who_may(make_person: PersonMaker, database: TestDatabase) -> None:
    owner, member = await make_person(), await make_person()
    await owner.enrol_totp()
    made = await owner.client.post("/v1/roles", json={"name": "Interns", "permissions": ["contacts:read"]})
    own_role = made.json()["role"]
    await demand(owner, demanded_of="roles", roles=["owner", own_role])
    shown = (await owner.client.get("/v1/auth/mfa/policy")).json()
    assert shown == {"demanded_of": "roles", "roles": [own_role, "owner"]}
    member.go_on(await join(database, member, workspace=owner.workspace, role="viewer"))
    assert (await member.client.get("/v1/auth/mfa/policy")).status_code == 403
    assert (await member.client.put("/v1/auth/mfa/policy", json={"demanded_of": "nobody"})).status_code == 403
