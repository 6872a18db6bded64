"""Whose account somebody gets: never one that an address alone does not give, or gives in a domain that is not the workspace's."""

import httpx2
import psycopg
import pytest
from starlette.types import ASGIApp
from tests.conftest import TestDatabase
from tests.customers import PASSWORD, visitor_at
from tests.modules.billing.plans.offers import offered, put_on
from tests.modules.identity.sso.companies import Company, claims_of

from nexusone.modules.billing.contracts.plans import FeatureContent
from nexusone.platform.runtime import Runtime


async def account_at(app: ASGIApp, email: str) -> dict[str, str]:
    """An account with a password and a workspace of its own."""
    async with visitor_at(app) as visitor:
        answer = await visitor.post(
            "/v1/auth/sign-up", json={"email": email, "password": PASSWORD, "name": "Somebody", "workspace_name": "Own"}
        )
        assert answer.status_code == 201, answer.text
        return {"id": answer.json()["user"]["id"], "token": answer.json()["access_token"]}


def verify(database: TestDatabase, email: str) -> None:
    """Marks an address as verified."""
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("update identity.user_account set email_verified_at = now() where email = %s", (email,))


def count(database: TestDatabase, email: str) -> int:
    """How many identities lead to an account."""
    with psycopg.connect(database.admin_url) as connection:
        found = connection.execute(
            "select count(*) from identity.sso_identity as i join identity.user_account as u on u.id = i.user_id where u.email = %s",
            (email,),
        ).fetchone()
    return int(found[0]) if found else 0


async def knows_password(visitor: httpx2.AsyncClient, email: str) -> bool:
    """Whether the password still opens a session."""
    return (await visitor.post("/v1/auth/sign-in", json={"email": email, "password": PASSWORD})).status_code == 200


async def test_an_unverified_address_links_nobody(company: Company, application: ASGIApp, database: TestDatabase) -> None:
    await company.connect()
    await account_at(application, f"ada@{company.domain}")
    await company.provider.people(company.person("ada", email_verified=False), company.person("new", email_verified=False))
    for person in ("ada", "new"):
        assert (await company.come(person)).json()["code"] == "identity.sso_email_unverified"
    assert count(database, f"ada@{company.domain}") == 0


async def test_a_provider_cannot_claim_an_address_of_a_domain_it_has_not_proved(
    company: Company, other: Company, application: ASGIApp, database: TestDatabase
) -> None:
    victim = f"ceo@{other.domain}"
    await account_at(application, victim)
    verify(database, victim)
    await company.connect(domains=[company.domain, other.domain], is_proved=False)
    # The attacker can prove the own domain, and not the other's.
    own = next(domain for domain in company.connection["domains"] if domain["domain"] == company.domain)
    async with company.provider.http.put(own["proof_url"], data=own["proof"]):
        await company.owner.client.post(f"/v1/sso-connections/{company.connection_id}/prove-domains")
    await company.provider.people(company.person("evil", email=victim), company.person("ada"))
    refused = await company.come("evil")
    assert (refused.status_code, refused.json()["code"]) == (403, "identity.sso_domain_not_allowed")
    assert count(database, victim) == 0
    assert claims_of(await company.come("ada"))["amr"] == ["sso"]


async def test_before_a_domain_is_proved_nobody_comes_in_at_all(company: Company) -> None:
    await company.connect(is_proved=False)
    assert (await company.come("ada")).json()["code"] == "identity.sso_domain_not_allowed"
    await company.prove()
    assert (await company.come("ada")).status_code == 200


@pytest.mark.parametrize(
    "email", ["ada@{domain}@evil.example", "ada@evil.example@{domain}", "ada@{domain}.evil.example", "ada@sub.{domain}", "@{domain}", "ada"]
)
async def test_only_a_plain_address_in_exactly_the_domain_counts(company: Company, email: str) -> None:
    await company.connect()
    await company.provider.people(company.person("trick", email=email.format(domain=company.domain)))
    assert (await company.come("trick")).json()["code"] == "identity.sso_domain_not_allowed"


async def test_a_proof_of_another_connection_or_an_older_one_does_not_count(company: Company, other: Company) -> None:
    await company.connect()
    await other.connect(domains=[company.domain], is_proved=False)
    proved = await other.owner.client.post(f"/v1/sso-connections/{other.connection_id}/prove-domains")
    assert proved.json()["domains"][0]["proven_at"] is None
    assert other.connection["domains"][0]["proof"] != company.connection["domains"][0]["proof"]


async def test_a_verified_account_of_the_domain_is_linked_and_keeps_its_password(
    company: Company, application: ASGIApp, database: TestDatabase, visitor: httpx2.AsyncClient
) -> None:
    email = f"ada@{company.domain}"
    account = await account_at(application, email)
    verify(database, email)
    await company.connect()
    claims = claims_of(await company.come("ada"))
    assert (claims["sub"], claims["ws"]) == (account["id"], str(company.workspace_id))
    assert await knows_password(visitor, email)


async def test_whoever_made_an_account_in_somebody_elses_name_is_put_out_of_it(
    company: Company, application: ASGIApp, visitor: httpx2.AsyncClient
) -> None:
    email = f"ada@{company.domain}"
    account = await account_at(application, email)
    await company.connect()
    assert claims_of(await company.come("ada"))["sub"] == account["id"]
    assert not await knows_password(visitor, email)
    assert (await visitor.get("/v1/me", headers={"Authorization": f"Bearer {account['token']}"})).status_code == 401


async def test_an_address_given_to_another_person_does_not_bring_the_account_along(company: Company) -> None:
    await company.connect()
    claims_of(await company.come("ada"))
    await company.provider.people(company.person("successor", email=f"ada@{company.domain}"))
    assert (await company.come("successor")).json()["code"] == "identity.sso_not_a_member"


async def test_authn_20_the_same_subject_of_another_issuer_is_another_person(company: Company, other: Company) -> None:
    await company.connect()
    first = claims_of(await company.come("ada"))
    await other.connect()
    assert claims_of(await other.come("ada"))["sub"] != first["sub"]
    await company.connect(provider=other.provider, client_id="second")
    stranger = Company(company.app, company.owner, other.provider, company.domain, company.connection)
    await other.provider.people(company.person("ada"))
    refused = await stranger.come("ada")
    # It is a verified address of a proved domain, so the account is linked for this connection too, by address and not by subject.
    assert claims_of(refused)["sub"] == first["sub"]
    await other.provider.people(company.person("ada", email=f"other@{company.domain}", sub="else"))
    assert claims_of(await stranger.come("else"))["sub"] != first["sub"]


async def test_who_is_no_member_stays_out_where_members_are_not_made(company: Company, application: ASGIApp) -> None:
    await company.connect(creates_members=False)
    await account_at(application, f"alan@{company.domain}")
    for person in ("ada", "alan"):
        assert (await company.come(person)).json()["code"] == "identity.sso_not_a_member"


async def test_a_new_member_takes_a_seat_of_the_plan_and_without_one_stays_out(company: Company, runtime: Runtime) -> None:
    await company.connect()
    version = await offered(runtime, {"sso": FeatureContent(), "members.seats": FeatureContent(quantity=2)})
    await put_on(runtime.system(company.workspace_id), version)
    first = claims_of(await company.come("ada"))
    assert (await company.come("alan")).json()["code"] == "billing.not_in_plan"
    assert claims_of(await company.come("ada"))["sub"] == first["sub"]
    members = (await company.owner.client.get("/v1/members")).json()["items"]
    assert len(members) == 2


async def test_a_disabled_account_stays_out(company: Company, database: TestDatabase) -> None:
    await company.connect()
    claims_of(await company.come("ada"))
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("update identity.user_account set disabled_at = now() where email = %s", (f"ada@{company.domain}",))
    assert (await company.come("ada")).json()["code"] == "identity.sso_not_a_member"


async def test_a_domain_taken_from_the_connection_lets_its_people_in_no_more(company: Company) -> None:
    await company.connect()
    claims_of(await company.come("ada"))
    assert (await company.change(domains=["elsewhere.example.com"])).status_code == 200
    assert (await company.come("ada")).json()["code"] == "identity.sso_domain_not_allowed"


async def test_what_is_refused_stands_in_the_audit_trail(company: Company, database: TestDatabase) -> None:
    await company.connect()
    await company.provider.fault("wrong_nonce")
    await company.come("ada")
    with psycopg.connect(database.admin_url) as connection:
        found = connection.execute(
            "select result, changes from platform.audit_entry where workspace_id = %s and action = 'identity.sso.refuse'",
            (company.workspace_id,),
        ).fetchall()
    assert [(row[0], row[1]["reason"]["after"]) for row in found] == [("refused", "nonce")]
