"""AUTHZ-09: staff visit a workspace for a reason, for an hour at most, looking only, and are seen."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import httpx2
import jwt
import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.fresh_database import fresh_database
from tests.modules.identity.accounts.site import PASSWORD, Site, fresh_email
from tests.modules.identity.workspaces.companies import Company, user_id
from tests.modules.identity.workspaces.staff import Phone

from nexusone.kernel.errors import NotFound
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.service.operator_sign_in import forget_factor
from nexusone.modules.identity.service.operators import add_operator, disable_operator
from nexusone.platform.postgres import EmbeddedPostgres

SEGMENT = {"name": "Pro", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}
WHY = {"reason": "the customer asked why an import failed", "ticket": "SUP-4711"}


class Staff:
    """An operator with a token of their realm, and the phone that proved it."""

    def __init__(self, company: Company, email: str, answer: dict[str, Any], phone: Phone) -> None:
        self.company, self.email, self.answer, self.phone = company, email, answer, phone

    @classmethod
    async def hired(cls, company: Company) -> "Staff":
        """A new operator, signed in."""
        email = fresh_email()
        await add_operator(company.site.runtime.system(), email=email, name="Sam", password=PASSWORD)
        begun = await company.site.post("/v1/operators/sign-in", {"email": email, "password": PASSWORD})
        assert begun.status_code == 200, begun.text
        phone = Phone(begun.json()["enrolment"]["secret"])
        answer = await company.site.post(
            "/v1/operators/sign-in/verify", {"attempt": begun.json()["attempt"], "code": phone.code(company.site.clock.now())}
        )
        assert answer.status_code == 200, answer.text
        return cls(company, email, answer.json(), phone)

    async def begin(self) -> dict[str, Any]:
        """What the right password is answered."""
        answer = await self.company.site.post("/v1/operators/sign-in", {"email": self.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def answer_by(self, code: str, *, begun: dict[str, Any] | None = None) -> httpx2.Response:
        """What a code is answered, in an attempt of its own or in one that is under way."""
        attempt = (begun or await self.begin())["attempt"]
        return await self.company.site.post("/v1/operators/sign-in/verify", {"attempt": attempt, "code": code})

    async def sign_in_again(self) -> None:
        """Another token, by password and code."""
        answer = await self.answer_by(self.phone.code(self.company.site.clock.now()))
        assert answer.status_code == 200, answer.text
        self.answer = answer.json()

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


async def test_authn_09_no_operator_comes_in_without_a_second_factor(company: Company) -> None:
    staff = await Staff.hired(company)
    begun = await staff.begin()
    assert begun.keys() == {"mfa_required", "attempt", "enrolment", "expires_in"}
    assert begun["enrolment"] is None
    now = company.site.clock.now()
    refused = await staff.answer_by(staff.phone.wrong_code(now), begun=begun)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.mfa_refused")
    right = await staff.answer_by(staff.phone.code(now), begun=begun)
    assert right.status_code == 200
    claims = jwt.decode(right.json()["access_token"], options={"verify_signature": False})
    assert (claims["amr"], claims["auth_time"]) == (["pwd", "otp", "mfa"], int(now.timestamp()))
    again = await staff.answer_by(staff.phone.code(now), begun=begun)
    assert again.json()["code"] == "identity.mfa_attempt_over"


async def test_authn_09_the_first_sign_in_enrols_and_only_one_app_is_ever_enrolled(company: Company) -> None:
    email, site = fresh_email(), company.site
    await add_operator(site.runtime.system(), email=email, name="Sam", password=PASSWORD)
    begun = [(await site.post("/v1/operators/sign-in", {"email": email, "password": PASSWORD})).json() for _ in range(2)]
    assert begun[0]["enrolment"]["qr_svg"].startswith("<svg")
    phones = [Phone(each["enrolment"]["secret"]) for each in begun]
    shown = [{"attempt": each["attempt"], "code": phone.code(site.clock.now())} for each, phone in zip(begun, phones, strict=True)]
    answers = await asyncio.gather(*(site.post("/v1/operators/sign-in/verify", each) for each in shown))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    third = (await site.post("/v1/operators/sign-in", {"email": email, "password": PASSWORD})).json()
    assert third["enrolment"] is None


async def test_authn_10_an_operators_code_works_once(company: Company) -> None:
    staff = await Staff.hired(company)
    begun = [await staff.begin() for _ in range(4)]
    code = staff.phone.code(company.site.clock.now())
    answers = await asyncio.gather(*(staff.answer_by(code, begun=each) for each in begun))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_authn_05_five_wrong_codes_end_an_operators_attempt_and_its_time_does_too(company: Company) -> None:
    staff = await Staff.hired(company)
    begun, late = await staff.begin(), await staff.begin()
    wrong = staff.phone.wrong_code(company.site.clock.now())
    codes = [(await staff.answer_by(wrong, begun=begun)).json()["code"] for _ in range(6)]
    assert codes == ["identity.mfa_refused"] * 5 + ["identity.mfa_attempt_over"]
    company.site.clock.move(timedelta(seconds=late["expires_in"]))
    over = await staff.answer_by(staff.phone.code(company.site.clock.now()), begun=late)
    assert over.json()["code"] == "identity.mfa_attempt_over"
    nothing = await staff.answer_by(wrong, begun={"attempt": f"nxo_{'0' * 32}_{'A' * 43}"})
    assert (nothing.status_code, nothing.json()["code"]) == (401, "identity.mfa_attempt_over")


async def test_authn_05_an_operators_codes_are_guessed_at_only_so_often(company: Company) -> None:
    staff = await Staff.hired(company)
    wrong = staff.phone.wrong_code(company.site.clock.now())
    statuses = []
    for _ in range(5):
        lift_limits(company.site, "operator-account")
        begun = await staff.begin()
        statuses += [(await staff.answer_by(wrong, begun=begun)).status_code for _ in range(5)]
    assert set(statuses[:18]) == {401}
    assert statuses[-1] == 429


async def test_authn_17_raising_a_visit_asks_for_a_fresh_proof(company: Company) -> None:
    staff = await Staff.hired(company)
    visit = (await staff.visit())["visit"]
    path = f"/v1/operators/visits/{visit['id']}/elevate"
    body = {"workspace_id": str(company.workspace_id), "reason": "the customer asked us to repair the segment"}
    company.site.clock.move(timedelta(seconds=301))
    refused = await staff.ask("POST", path, body)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.step_up_needed")
    assert "max_age" in refused.headers["www-authenticate"]
    await staff.sign_in_again()
    assert (await staff.ask("POST", path, body)).status_code == 200


async def test_authz_09_a_forgotten_app_ends_the_tokens_it_proved_and_the_next_sign_in_enrols(company: Company) -> None:
    staff = await Staff.hired(company)
    system = company.site.runtime.system()
    await forget_factor(system, email=staff.email)
    body = {"workspace_id": str(company.workspace_id), **WHY}
    assert (await staff.ask("POST", "/v1/operators/visits", body)).status_code == 401
    assert (await staff.begin())["enrolment"] is not None
    with pytest.raises(NotFound):
        await forget_factor(system, email=fresh_email())


async def test_authn_11_the_database_holds_no_operators_seed(company: Company) -> None:
    email = fresh_email()
    await add_operator(company.site.runtime.system(), email=email, name="Sam", password=PASSWORD)
    begun = (await company.site.post("/v1/operators/sign-in", {"email": email, "password": PASSWORD})).json()
    seed = base64.b32decode(begun["enrolment"]["secret"])
    with psycopg.connect(company.site.admin_url) as connection:
        rows = connection.execute("select sealed_seed from identity.operator_totp").fetchall()
    assert rows
    assert not any(seed in row[0] or begun["enrolment"]["secret"].encode() in row[0] for row in rows)


def lift_limits(site: Site, policy: str) -> None:
    """Lets a limit's window begin anew."""
    with psycopg.connect(site.admin_url) as connection:
        connection.execute("delete from platform.rate_limit where key ~ %s", (policy,))


async def test_authn_19_there_is_no_operator_until_one_is_added(postgres: EmbeddedPostgres, database: TestDatabase) -> None:
    with fresh_database(postgres) as fresh, psycopg.connect(fresh.admin_url) as connection:
        assert connection.execute("select count(*) from identity.operator").fetchone() == (0,)
