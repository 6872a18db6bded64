"""Signing up: verified first, telling nobody who has an account."""

import asyncio
from datetime import timedelta

import psycopg
from tests.conftest import TestDatabase
from tests.fresh_database import fresh_database
from tests.modules.identity.accounts.site import NEW_PASSWORD, PASSWORD, Site, fresh_email, sign_up_body

from nexusone.platform.postgres import EmbeddedPostgres


async def test_an_account_is_opened_with_the_mail_and_the_password(site: Site) -> None:
    email = fresh_email()
    received = await site.post("/v1/auth/sign-up", sign_up_body(email))
    assert received.status_code == 202
    assert received.json() == {"verification_required": True, "expires_in": 3600}
    token = await site.mailed_token(email)
    opened = await site.post("/v1/auth/verify", {"token": token, "password": PASSWORD})
    assert opened.status_code == 201, opened.text
    assert opened.json()["user"]["email"] == email
    assert opened.json()["workspace"]["name"] == "Compilers"
    assert (await site.get("/v1/me", headers={"Authorization": f"Bearer {opened.json()['access_token']}"})).status_code == 200


async def test_in_the_sandbox_a_sign_up_is_answered_with_a_session(open_site: Site) -> None:
    email = fresh_email()
    answer = await open_site.post("/v1/auth/sign-up", sign_up_body(email))
    assert answer.status_code == 201
    assert {"user", "workspace", "access_token", "refresh_token", "token_type", "expires_in"} <= answer.json().keys()
    again = await open_site.post("/v1/auth/sign-up", sign_up_body(email))
    assert (again.status_code, again.json()["code"]) == (409, "identity.email_taken")


async def test_authn_04_a_known_address_is_answered_like_a_new_one_and_its_owner_is_told(site: Site) -> None:
    person = await site.open_account()
    known = await site.post("/v1/auth/sign-up", sign_up_body(person.email, password=NEW_PASSWORD))
    new = await site.post("/v1/auth/sign-up", sign_up_body(fresh_email()))
    assert (known.status_code, known.json()) == (new.status_code, new.json())
    assert known.headers.keys() == new.headers.keys()
    await site.drain()
    told = site.outbox.to(person.email)[-1]
    assert told.subject == "You already have an account"
    assert "token" not in told.text
    assert (await site.sign_in(person)).status_code == 200


async def test_authn_08_whoever_has_the_mail_alone_opens_nothing(site: Site) -> None:
    email = fresh_email()
    await site.post("/v1/auth/sign-up", sign_up_body(email))
    token = await site.mailed_token(email)
    refused = await site.post("/v1/auth/verify", {"token": token, "password": "not the one that was chosen"})
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.token_spent")


async def test_authn_08_a_verification_works_once_even_from_many_sides(site: Site) -> None:
    email = fresh_email()
    await site.post("/v1/auth/sign-up", sign_up_body(email))
    shown = {"token": await site.mailed_token(email), "password": PASSWORD}
    answers = await asyncio.gather(*(site.post("/v1/auth/verify", shown) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[401] * 7]


async def test_authn_08_a_verification_ends_after_its_hour(site: Site) -> None:
    email = fresh_email()
    await site.post("/v1/auth/sign-up", sign_up_body(email))
    shown = {"token": await site.mailed_token(email), "password": PASSWORD}
    site.clock.move(timedelta(seconds=3600))
    assert (await site.post("/v1/auth/verify", shown)).status_code == 401


async def test_authn_08_a_token_of_another_kind_or_sign_up_opens_nothing(site: Site) -> None:
    one, other = fresh_email(), fresh_email()
    for email in (one, other):
        await site.post("/v1/auth/sign-up", sign_up_body(email))
    tokens = [await site.mailed_token(email) for email in (one, other)]
    mixed = tokens[0][:-43] + tokens[1][-43:]
    for token in (mixed, tokens[0].replace("nxv_", "nxp_"), tokens[0] + "A", "nxv_" + "0" * 32 + "_" + "A" * 43):
        assert (await site.post("/v1/auth/verify", {"token": token, "password": PASSWORD})).status_code == 401


async def test_two_sign_ups_for_one_address_open_one_account(site: Site) -> None:
    email = fresh_email()
    await site.post("/v1/auth/sign-up", sign_up_body(email))
    first = await site.mailed_token(email)
    await site.post("/v1/auth/sign-up", sign_up_body(email, password=NEW_PASSWORD))
    second = await site.mailed_token(email)
    assert (await site.post("/v1/auth/verify", {"token": second, "password": NEW_PASSWORD})).status_code == 201
    assert (await site.post("/v1/auth/verify", {"token": first, "password": PASSWORD})).status_code == 401


async def test_authn_08_no_token_lies_in_the_database_in_the_clear(site: Site) -> None:
    person = await site.open_account()
    signed_in = (await site.sign_in(person)).json()
    await site.post("/v1/auth/password/forgot", {"email": person.email})
    mailed = await site.mailed_token(person.email)
    secrets = [mailed[-43:], signed_in["refresh_token"][-43:], signed_in["device"][-43:], person.password]
    with psycopg.connect(site.admin_url) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('identity', 'platform', 'queue')"
        ).fetchall()
        for (table,) in tables:
            found = connection.execute(f"select t::text from {table} as t").fetchall()
            text = "\n".join(row[0] for row in found)
            assert not [secret for secret in secrets if secret in text], table


async def test_authn_19_a_fresh_database_has_no_account(postgres: EmbeddedPostgres, database: TestDatabase) -> None:
    with fresh_database(postgres) as fresh, psycopg.connect(fresh.admin_url) as connection:
        for table in ("identity.user_account", "identity.workspace", "identity.member", "identity.api_key"):
            (count,) = connection.execute(f"select count(*) from {table}").fetchone() or (None,)
            assert count == 0, table


async def test_an_account_that_was_never_verified_cannot_sign_in_where_that_is_required(site: Site, open_site: Site) -> None:
    person = await open_site.open_account()
    refused = await site.sign_in(person)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.wrong_credentials")
    await site.post("/v1/auth/password/forgot", {"email": person.email})
    token = await site.mailed_token(person.email)
    assert (await site.post("/v1/auth/password/reset", {"token": token, "password": NEW_PASSWORD})).status_code == 200
    assert (await site.sign_in(person, password=NEW_PASSWORD)).status_code == 200
