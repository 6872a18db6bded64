"""AUTHZ-09: staff visit a workspace for a reason, for an hour at most, looking only, and are seen."""

from datetime import timedelta
from typing import Any

import httpx2
import jwt
import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.fresh_database import fresh_database
from tests.modules.identity.accounts.site import PASSWORD, fresh_email
from tests.modules.identity.workspaces.companies import Company, user_id

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.service.operators import add_operator, disable_operator
from nexusone.platform.postgres import EmbeddedPostgres

SEGMENT = {"name": "Pro", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}
WHY = {"reason": "the customer asked why an import failed", "ticket": "SUP-4711"}


class Staff:
    """An operator with a token of their realm."""

    def __init__(self, company: Company, email: str, answer: dict[str, Any]) -> None:
        self.company, self.email, self.answer = company, email, answer

    @classmethod
    async def hired(cls, company: Company) -> "Staff":
        """A new operator, signed in."""
        email = fresh_email()
        await add_operator(company.site.runtime.system(), email=email, name="Sam", password=PASSWORD)
        answer = await company.site.post("/v1/operators/sign-in", {"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return cls(company, email, answer.json())

    async def ask(self, method: str, path: str, body: dict[str, Any]) -> httpx2.Response:
        """A request at the operators' doors."""
        return await self.company.ask(method, path, body, by=self.answer["access_token"])

    async def visit(self, **wanted: Any) -> dict[str, Any]:
        """A visit in the place of the company's owner."""
        body = {"workspace_id": str(self.company.workspace_id), **WHY, **wanted}
        answer = await self.ask("POST", "/v1/operators/visits", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


async def test_authz_09_a_visit_looks_and_changes_nothing(company: Company) -> None:
    visit = await (await Staff.hired(company)).visit()
    token = visit["access_token"]
    assert (await company.ask("GET", "/v1/segments", by=token)).status_code == 200
    refused = await company.ask("POST", "/v1/segments", SEGMENT, by=token)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.elevation_needed")
    assert (await company.ask("GET", "/v1/segments")).json()["items"] == []


async def test_authz_09_the_token_carries_act_and_names_whom_it_stands_for(company: Company) -> None:
    staff = await Staff.hired(company)
    claims = jwt.decode((await staff.visit())["access_token"], options={"verify_signature": False})
    assert claims["act"] == {"sub": f"operator:{staff.answer['operator_id']}"}
    assert (claims["sub"], claims["ws"]) == (user_id(company.owner), str(company.workspace_id))


async def test_authz_09_with_a_reason_a_visit_changes_things_but_never_what_a_person_decides(company: Company) -> None:
    staff = await Staff.hired(company)
    visit = await staff.visit()
    body = {"workspace_id": str(company.workspace_id), "reason": "the customer asked us to repair the segment"}
    elevated = await staff.ask("POST", f"/v1/operators/visits/{visit['visit']['id']}/elevate", body)
    assert elevated.status_code == 200
    token = visit["access_token"]
    assert (await company.ask("POST", "/v1/segments", SEGMENT, by=token)).status_code == 201
    for method, path, wanted in (
        ("POST", "/v1/api-keys", {"name": "machine"}),
        ("POST", "/v1/invitations", {"email": "x@example.com", "role": "viewer"}),
        ("POST", "/v1/workspace/deletion", {"name": "Compilers"}),
        ("POST", "/v1/members/leave", None),
        ("POST", "/v1/auth/switch", {"workspace_id": str(company.workspace_id)}),
        ("GET", "/v1/workspaces", None),
    ):
        assert (await company.ask(method, path, wanted, by=token)).status_code == 403, path


async def test_authz_09_a_visit_ends_within_the_hour_and_when_it_is_told_to(company: Company) -> None:
    staff = await Staff.hired(company)
    too_long = await staff.ask("POST", "/v1/operators/visits", {"workspace_id": str(company.workspace_id), **WHY, "minutes": 61})
    assert too_long.status_code == 422
    visit = await staff.visit(minutes=5)
    company.site.clock.move(timedelta(minutes=5, seconds=1))
    assert (await company.ask("GET", "/v1/segments", by=visit["access_token"])).status_code == 401
    renewed = await staff.ask("POST", f"/v1/operators/visits/{visit['visit']['id']}/token", {"workspace_id": str(company.workspace_id)})
    assert renewed.json()["code"] == "identity.visit_not_found"
    second = await staff.visit()
    ended = await staff.ask("POST", f"/v1/operators/visits/{second['visit']['id']}/end", {"workspace_id": str(company.workspace_id)})
    assert ended.status_code == 200
    assert (await company.ask("GET", "/v1/segments", by=second["access_token"])).status_code == 401


@pytest.mark.parametrize("lacking", ["reason", "ticket"])
async def test_authz_09_no_visit_without_reason_and_ticket(company: Company, lacking: str) -> None:
    staff = await Staff.hired(company)
    body = {"workspace_id": str(company.workspace_id), **{name: text for name, text in WHY.items() if name != lacking}}
    assert (await staff.ask("POST", "/v1/operators/visits", body)).status_code == 422


async def test_authz_09_every_act_stands_in_the_trail_under_both_names(company: Company) -> None:
    staff = await Staff.hired(company)
    visit = await staff.visit()
    await company.ask("GET", "/v1/segments", by=visit["access_token"])
    body = {"workspace_id": str(company.workspace_id), "reason": "the customer asked us to repair the segment"}
    await staff.ask("POST", f"/v1/operators/visits/{visit['visit']['id']}/elevate", body)
    await company.ask("POST", "/v1/segments", SEGMENT, by=visit["access_token"])
    with psycopg.connect(company.site.admin_url) as connection:
        rows = connection.execute(
            "select action, object_id, actor_id::text, impersonator_id::text from platform.audit_entry"
            " where workspace_id = %s and impersonator_id is not null order by occurred_at",
            (company.workspace_id,),
        ).fetchall()
    both = (user_id(company.owner), staff.answer["operator_id"])
    assert {row[2:] for row in rows} == {both}
    assert ("identity.impersonation.asked", "audience.list_segments") in [row[:2] for row in rows]
    assert any(row[0].startswith("audience.segment.created") for row in rows)
    seen = (await company.ask("GET", "/v1/operator-visits")).json()["items"]
    assert [(item["ticket"], item["operator_id"]) for item in seen] == [("SUP-4711", staff.answer["operator_id"])]


async def test_authz_09_the_realms_do_not_know_each_others_tokens(company: Company) -> None:
    staff = await Staff.hired(company)
    for path in ("/v1/me", "/v1/segments", "/v1/workspaces"):
        assert (await company.ask("GET", path, by=staff.answer["access_token"])).status_code == 401, path
    body = {"workspace_id": str(company.workspace_id), **WHY}
    key = (await company.api_key())["secret"]
    for credential in (None, key):
        assert (await company.ask("POST", "/v1/operators/visits", body, by=credential)).status_code == 401
    visit = await staff.visit()
    assert (await company.ask("POST", "/v1/operators/visits", body, by=visit["access_token"])).status_code == 401
    users = await company.site.post("/v1/auth/sign-in", {"email": staff.email, "password": PASSWORD})
    operators = await company.site.post("/v1/operators/sign-in", {"email": company.owner.email, "password": company.owner.password})
    assert (users.status_code, operators.status_code) == (401, 401)


async def test_authz_09_a_disabled_operator_is_out_at_once(company: Company) -> None:
    staff = await Staff.hired(company)
    visit = await staff.visit()
    await disable_operator(company.site.runtime.system(), email=staff.email)
    assert (await company.ask("GET", "/v1/segments", by=visit["access_token"])).status_code == 401
    body = {"workspace_id": str(company.workspace_id), **WHY}
    assert (await staff.ask("POST", "/v1/operators/visits", body)).status_code == 401
    assert (await company.site.post("/v1/operators/sign-in", {"email": staff.email, "password": PASSWORD})).status_code == 401


async def test_authz_09_nobody_elevates_or_ends_another_operators_visit(company: Company) -> None:
    one, other = await Staff.hired(company), await Staff.hired(company)
    visit = await one.visit()
    body = {"workspace_id": str(company.workspace_id), "reason": "because I would like to do so"}
    for path in ("elevate", "end", "token"):
        wanted = body if path == "elevate" else {"workspace_id": str(company.workspace_id)}
        refused = await other.ask("POST", f"/v1/operators/visits/{visit['visit']['id']}/{path}", wanted)
        assert refused.json()["code"] == "identity.visit_not_found"


async def test_a_visit_needs_a_workspace_and_a_member_of_it(company: Company) -> None:
    staff = await Staff.hired(company)
    stranger = await company.site.open_account()
    for wanted in ({"workspace_id": str(new_id())}, {"workspace_id": str(company.workspace_id), "user_id": user_id(stranger)}):
        assert (await staff.ask("POST", "/v1/operators/visits", {**wanted, **WHY})).status_code == 404


async def test_authn_19_there_is_no_operator_until_one_is_added(postgres: EmbeddedPostgres, database: TestDatabase) -> None:
    with fresh_database(postgres) as fresh, psycopg.connect(fresh.admin_url) as connection:
        assert connection.execute("select count(*) from identity.operator").fetchone() == (0,)
