"""Connections to providers: what is refused at their making, who sees them, and demanding their use."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx2
import psycopg
import pyotp
import pytest
from starlette.types import ASGIApp
from tests.conftest import TestDatabase
from tests.customers import PASSWORD, visitor_at
from tests.modules.identity.sso.companies import Company, DriftingClock, claims_of, enrol

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.service.refusals import SsoRequired
from nexusone.modules.identity.service.sso_enforcement import refuse_other_ways

NEW = {"name": "x", "client_id": "another", "client_secret": "s"}


async def test_a_connection_never_shows_its_secret(company: Company) -> None:
    await company.connect()
    client = company.owner.client
    listed = await client.get("/v1/sso-connections")
    one = await client.get(f"/v1/sso-connections/{company.connection_id}")
    assert listed.json()["items"] == [one.json()]
    assert one.headers["ETag"] == '"1"'
    assert "sandbox-secret" not in listed.text + one.text
    assert one.json()["redirect_uri"].endswith(f"/auth/sso/{company.connection_id}/callback")


async def test_authz_04_another_companys_connection_is_not_there(company: Company, other: Company) -> None:
    await company.connect()
    path = f"/v1/sso-connections/{company.connection_id}"
    unknown = f"/v1/sso-connections/{new_id()}"
    for method, suffix, body in (("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/prove-domains", None)):
        foreign = await other.owner.client.request(method, path + suffix, json=body)
        nowhere = await other.owner.client.request(method, unknown + suffix, json=body)
        assert (foreign.status_code, foreign.json()["code"]) == (404, "identity.sso_connection_not_found")
        assert foreign.json()["detail"] == nowhere.json()["detail"]
    assert (await other.owner.client.get("/v1/sso-connections")).json()["items"] == []


@pytest.mark.parametrize(
    ("issuer", "code"),
    [
        ("{issuer}/", "identity.sso_issuer_unusable"),
        ("{issuer}?x=1", "identity.sso_issuer_unusable"),
        ("{root}/nobody/nowhere", "identity.sso_issuer_unusable"),
        ("https://idp.example.com", "identity.sso_issuer_unusable"),
        ("http://169.254.169.254/latest", "identity.sso_issuer_unusable"),
        ("http://127.0.0.1:1/x", "identity.sso_issuer_unusable"),
    ],
)
async def test_authn_20_an_issuer_that_does_not_answer_under_its_own_name_is_refused(company: Company, issuer: str, code: str) -> None:
    wanted = {
        "name": "x",
        "issuer": issuer.format(issuer=company.provider.issuer, root=company.provider.root),
        "client_id": "c",
        "client_secret": "s",
        "domains": [company.domain],
    }
    refused = await company.owner.client.post("/v1/sso-connections", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    "fields",
    [
        {"default_role": "owner"},
        {"default_role": "nobody"},
        {"domains": []},
        {"domains": ["UPPER.example.com"]},
        {"domains": ["com"]},
        {"domains": ["*.example.com"]},
        {"issuer": "javascript:alert(1)"},
        {"is_enforced": True},
    ],
)
async def test_what_makes_no_sense_is_refused(company: Company, fields: dict[str, object]) -> None:
    wanted = {"name": "x", "issuer": company.provider.issuer, "client_id": "c", "client_secret": "s", "domains": [company.domain], **fields}
    assert (await company.owner.client.post("/v1/sso-connections", json=wanted)).status_code == 422


async def test_the_same_client_of_the_same_issuer_is_connected_once(company: Company) -> None:
    await company.connect()
    wanted = {"name": "x", "issuer": company.provider.issuer, "client_id": "nexusone", "client_secret": "s", "domains": [company.domain]}
    refused = await company.owner.client.post("/v1/sso-connections", json=wanted)
    assert refused.json()["code"] == "identity.sso_connection_exists"


async def test_issuer_and_client_never_change(company: Company) -> None:
    await company.connect()
    for field in ("issuer", "client_id"):
        assert (await company.change(**{field: "https://other.example.com"})).status_code == 422


async def test_a_change_against_another_version_is_refused(company: Company) -> None:
    await company.connect()
    path = f"/v1/sso-connections/{company.connection_id}"
    changed = await company.owner.client.patch(path, json={"name": "New"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"], changed.json()["name"]) == (200, '"2"', "New")
    assert (await company.owner.client.patch(path, json={"name": "Old"}, headers={"If-Match": '"1"'})).status_code == 412


async def test_a_new_secret_is_used_at_the_next_sign_in(company: Company) -> None:
    await company.connect(client_secret="wrong")
    assert (await company.come("ada")).json()["code"] == "identity.sso_denied"
    await company.change(client_secret="sandbox-secret")
    assert (await company.come("ada")).status_code == 200


async def test_a_deleted_connection_leaves_members_and_takes_their_way_in(company: Company) -> None:
    await company.connect()
    token = (await company.come("ada")).json()["access_token"]
    assert (await company.owner.client.delete(f"/v1/sso-connections/{company.connection_id}")).status_code == 204
    async with visitor_at(company.app) as visitor:
        gone = await visitor.post("/v1/auth/sso/start", json={"connection_id": company.connection_id})
        assert gone.json()["code"] == "identity.sso_not_set_up"
        assert (await visitor.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_single_sign_on_is_not_demanded_before_somebody_came_in_through_it(company: Company) -> None:
    await company.connect()
    await company.give_owner_second_factor()
    refused = await company.change(is_enforced=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "identity.sso_not_tried")


async def test_single_sign_on_is_not_demanded_while_no_owner_has_another_way_in(company: Company) -> None:
    await company.connect()
    await company.come("ada")
    refused = await company.change(is_enforced=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "identity.sso_not_tried")
    await company.give_owner_second_factor()
    assert (await company.change(is_enforced=True)).status_code == 200


async def test_authn_17_a_connection_is_changed_only_by_who_proved_themselves_lately(company: Company, clock: DriftingClock) -> None:
    await company.connect()
    clock.ahead = timedelta(minutes=6)
    client, path = company.owner.client, f"/v1/sso-connections/{company.connection_id}"
    answers = [
        await client.patch(path, json={"name": "x"}),
        await client.delete(path),
        await client.post(f"{path}/prove-domains"),
        await client.post("/v1/sso-connections", json={**NEW, "issuer": company.provider.issuer, "domains": [company.domain]}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(401, "identity.step_up_needed")] * 4


async def test_authn_18_a_key_for_machines_connects_no_provider(company: Company) -> None:
    key = await company.owner.api_key()
    wanted = {**NEW, "issuer": company.provider.issuer, "domains": [company.domain]}
    refused = await company.owner.client.post("/v1/sso-connections", json=wanted, headers={"Authorization": f"Bearer {key}"})
    assert refused.status_code == 403


async def member_with_password(company: Company, database: TestDatabase, visitor: httpx2.AsyncClient, name: str) -> tuple[str, str]:
    """A member who has a password too; their address, and the access token of a session in the company's workspace."""
    email = f"{name}@{company.domain}"
    made = await visitor.post("/v1/auth/sign-up", json={"email": email, "password": PASSWORD, "name": name, "workspace_name": "Own"})
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("update identity.user_account set email_verified_at = now() where email = %s", (email,))
    assert claims_of(await company.come(name))["sub"] == made.json()["user"]["id"]
    signed = await visitor.post("/v1/auth/sign-in", json={"email": email, "password": PASSWORD, "workspace_id": str(company.workspace_id)})
    assert signed.status_code == 200, signed.text
    return email, signed.json()["access_token"]


async def enforce(company: Company) -> pyotp.TOTP:
    """Demands single sign-on; the owner has an authenticator app by then."""
    app = await company.give_owner_second_factor()
    answer = await company.change(is_enforced=True)
    assert answer.status_code == 200, answer.text
    return app


async def test_where_single_sign_on_is_demanded_a_members_password_is_refused_by_name(
    company: Company, database: TestDatabase, visitor: httpx2.AsyncClient
) -> None:
    await company.connect()
    email, _ = await member_with_password(company, database, visitor, "alan")
    await enforce(company)
    wanted = {"email": email, "password": PASSWORD, "workspace_id": str(company.workspace_id)}
    refused = await visitor.post("/v1/auth/sign-in", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (403, "identity.sso_required")
    assert company.connection_id in refused.json()["detail"]
    wrong = await visitor.post("/v1/auth/sign-in", json={**wanted, "password": "another long passphrase"})
    assert wrong.json()["code"] == "identity.wrong_credentials"
    # The account's own workspace does not demand anything.
    assert claims_of(await visitor.post("/v1/auth/sign-in", json={"email": email, "password": PASSWORD}))["amr"] == ["pwd"]
    assert claims_of(await company.come("alan"))["amr"] == ["sso"]


async def test_sessions_that_began_by_password_are_over_once_single_sign_on_is_demanded(
    company: Company, database: TestDatabase, visitor: httpx2.AsyncClient
) -> None:
    await company.connect()
    _, by_password = await member_with_password(company, database, visitor, "alan")
    by_sso = (await company.come("ada")).json()["access_token"]
    await enforce(company)
    statuses = [(await visitor.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code for token in (by_password, by_sso)]
    assert statuses == [401, 200]
    assert (await company.owner.client.get("/v1/me")).status_code == 200


async def test_an_owner_comes_in_by_password_with_a_second_factor(company: Company, clock: DriftingClock) -> None:
    await company.connect()
    await company.come("ada")
    app = await enforce(company)
    # The code that enrolled the app is spent.
    clock.ahead = timedelta(seconds=30)
    async with visitor_at(company.app) as visitor:
        asked = await visitor.post("/v1/auth/sign-in", json={"email": company.owner.email, "password": PASSWORD})
        assert asked.json()["mfa_required"] is True
        answer = {"factor": "totp", "attempt": asked.json()["attempt"], "code": app.at(clock.now())}
        assert claims_of(await visitor.post("/v1/auth/mfa/verify", json=answer))["amr"] == ["pwd", "otp", "mfa"]


async def test_an_owner_without_a_second_factor_does_not(company: Company, composition: Composition) -> None:
    await company.connect()
    await company.come("ada")
    await enforce(company)
    ctx, owner = composition.runtime.system(company.workspace_id), UUID(company.owner.session["user"]["id"])
    async with ctx.transaction("identity") as tx:
        with pytest.raises(SsoRequired):
            await refuse_other_ways(ctx, tx, user_id=owner, workspace_id=company.workspace_id, methods=("pwd",))


async def test_a_second_factor_of_ones_own_is_asked_for_after_the_provider(company: Company, clock: DriftingClock) -> None:
    await company.connect()
    async with visitor_at(company.app) as grace:
        grace.headers["Authorization"] = f"Bearer {(await company.come('grace')).json()['access_token']}"
        app = await enrol(grace)
    clock.ahead = timedelta(seconds=30)
    asked = await company.come("grace")
    assert (asked.status_code, asked.json()["mfa_required"]) == (200, True)
    async with visitor_at(company.app) as visitor:
        answer = {"factor": "totp", "attempt": asked.json()["attempt"], "code": app.at(clock.now())}
        assert claims_of(await visitor.post("/v1/auth/mfa/verify", json=answer))["amr"] == ["sso", "otp", "mfa"]
    await company.change(honours_mfa=True)
    assert claims_of(await company.come("grace"))["amr"] == ["sso", "mfa"]


async def test_a_member_with_a_second_factor_has_no_way_around(company: Company, composition: Composition) -> None:
    await company.connect()
    user_id = claims_of(await company.come("ada"))["sub"]
    await enforce(company)
    ctx = composition.runtime.system(company.workspace_id)
    async with ctx.transaction("identity") as tx:
        for methods in (("pwd", "otp", "mfa"), ("hwk", "mfa"), ("pwd",)):
            with pytest.raises(SsoRequired):
                await refuse_other_ways(ctx, tx, user_id=user_id, workspace_id=company.workspace_id, methods=methods)
        await refuse_other_ways(ctx, tx, user_id=user_id, workspace_id=company.workspace_id, methods=("sso",))


async def test_switching_the_connection_off_ends_the_demand(company: Company, database: TestDatabase, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    email, _ = await member_with_password(company, database, visitor, "alan")
    await enforce(company)
    await company.change(is_enabled=False)
    wanted = {"email": email, "password": PASSWORD, "workspace_id": str(company.workspace_id)}
    assert (await visitor.post("/v1/auth/sign-in", json=wanted)).status_code == 200


async def test_two_first_sign_ins_of_one_person_make_one_account(company: Company, application: ASGIApp) -> None:
    await company.connect()
    answers = await asyncio.gather(*(company.come("ada") for _ in range(4)))
    assert len({answer.json()["user"]["id"] for answer in answers if answer.status_code == 200}) == 1
    assert claims_of(await company.come("ada"))["amr"] == ["sso"]
