"""Signing up and in, refreshing, ending: over HTTP, as a client sees it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest
from pydantic_settings import BaseSettings
from starlette.types import ASGIApp
from tests.conftest import TestDatabase
from tests.customers import PASSWORD, Customer, customer_at, fresh_ip, no_lifespan, visitor_at
from tests.modules.identity.tokens import secret_of

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.settings import IdentitySettings

SIGN_UP, SIGN_IN, REFRESH = "/v1/auth/sign-up", "/v1/auth/sign-in", "/v1/auth/refresh"


def person(**changed: object) -> dict[str, object]:
    return {"email": f"p-{new_id().hex}@example.com", "password": PASSWORD, "name": "Ada", "workspace_name": "Engines", **changed}


@asynccontextmanager
async def at_time(composition: Composition, clock: MovedClock) -> AsyncIterator[Customer]:
    runtime = replace(composition.runtime, clock=clock)
    app = replace(composition, runtime=runtime).application(only=["identity"], lifespan=no_lifespan)
    async with customer_at(app) as customer:
        yield customer


async def refresh(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.post(REFRESH, json={"refresh_token": token})


async def test_a_company_signs_up_and_is_known(customer: Customer) -> None:
    session = customer.session
    assert session["token_type"] == "Bearer"
    assert session["expires_in"] <= 900
    assert session["user"]["email"] == customer.email
    me = (await customer.client.get("/v1/me")).json()
    assert (me["kind"], me["user"]["id"], me["permissions"]) == ("user", session["user"]["id"], ["*"])
    assert me["workspace"] == session["workspace"]
    assert session["workspace"]["name"] == "Engines"
    assert "password" not in str(session)


async def test_an_address_is_one_account_however_it_is_spelled(visitor: httpx2.AsyncClient) -> None:
    wanted = person(email=f"Ada.{new_id().hex}@Example.com")
    assert (await visitor.post(SIGN_UP, json=wanted)).status_code == 201
    again = await visitor.post(SIGN_UP, json={**wanted, "email": str(wanted["email"]).lower()})
    assert (again.status_code, again.json()["code"]) == (409, "identity.email_taken")
    signed = await visitor.post(SIGN_IN, json={"email": str(wanted["email"]).upper(), "password": PASSWORD})
    assert signed.status_code == 200


async def test_a_taken_address_leaves_no_second_workspace(visitor: httpx2.AsyncClient, database: TestDatabase) -> None:
    name = f"W {new_id().hex}"
    wanted = person(workspace_name=name)
    answers = await asyncio.gather(*(visitor.post(SIGN_UP, json=wanted) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute("select count(*) from identity.workspace where name = %s", (name,)).fetchone() == (1,)


@pytest.mark.parametrize(
    "email", ["", "a", "a@b", "@b.c", "a@", "a b@c.de", "a@b.c\n", "a@b.c\0", "x" * 250 + "@b.cd", "a@@b.cd", "a\u202e@b.cd"]
)
async def test_what_is_no_address_is_refused(visitor: httpx2.AsyncClient, email: str) -> None:
    answer = await visitor.post(SIGN_UP, json=person(email=email))
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "password",
    ["tiny!", "fourteen chars", "aaaaaaaaaaaaaaaa", "abcabcabcabcabcabc", "passwordpassword", "nexusonenexusone1", "ada.lovelace.ada"],
)
async def test_a_weak_password_is_refused(visitor: httpx2.AsyncClient, password: str) -> None:
    answer = await visitor.post(SIGN_UP, json=person(password=password, email=f"ada.lovelace@{new_id().hex}.com"))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/password"]
    assert password not in answer.text


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "пароль из многих слов", "🦄🐉🦕🦖🐙🦑🦐🦞🦀🐡🐠🐟🐬🐳🐋", " leading and trailing ", "0x" + "deadbeef" * 8],
)
async def test_any_long_password_works_exactly_as_it_was_given(visitor: httpx2.AsyncClient, password: str) -> None:
    wanted = person(password=password)
    assert (await visitor.post(SIGN_UP, json=wanted)).status_code == 201
    credentials = {"email": wanted["email"], "password": password}
    assert (await visitor.post(SIGN_IN, json=credentials)).status_code == 200
    for other in (password[:-1], password + " ", password.swapcase() if password.swapcase() != password else password + "x"):
        assert (await visitor.post(SIGN_IN, json={**credentials, "password": other})).status_code == 401


async def test_a_wrong_password_and_an_unknown_account_look_the_same(customer: Customer) -> None:
    wrong = await customer.client.post(SIGN_IN, json={"email": customer.email, "password": "not the passphrase"})
    unknown = await customer.client.post(SIGN_IN, json={"email": f"{new_id().hex}@example.com", "password": "not the passphrase"})
    assert wrong.status_code == unknown.status_code == 401

    def shown(answer: httpx2.Response) -> dict[str, Any]:
        return {name: value for name, value in answer.json().items() if name != "instance"}

    assert shown(wrong) == shown(unknown)
    assert shown(wrong)["code"] == "identity.wrong_credentials"
    assert wrong.headers.keys() == unknown.headers.keys()


async def test_an_unknown_account_takes_as_long_as_a_wrong_password(application: ASGIApp, customer: Customer) -> None:
    clock = asyncio.get_running_loop().time

    async def seconds(email: str) -> float:
        async with visitor_at(application) as client:
            began = clock()
            await client.post(SIGN_IN, json={"email": email, "password": "not the passphrase"})
            return clock() - began

    wrong = min([await seconds(customer.email) for _ in range(6)])
    unknown = min([await seconds(f"{new_id().hex}@example.com") for _ in range(6)])
    assert 0.5 < unknown / wrong < 2


async def test_guessing_is_limited_by_account_from_many_addresses(application: ASGIApp, customer: Customer) -> None:
    codes = []
    for _ in range(22):
        async with visitor_at(application) as client:
            codes.append((await client.post(SIGN_IN, json={"email": customer.email, "password": "not the passphrase"})).status_code)
    assert codes[:20] == [401] * 20
    assert codes[20:] == [429] * 2
    assert (await customer.client.get("/v1/me")).status_code == 200


async def test_signing_up_is_limited_by_address(application: ASGIApp) -> None:
    async with visitor_at(application, ip=fresh_ip()) as client:
        codes = [(await client.post(SIGN_UP, json=person(password="too short"))).status_code for _ in range(32)]
    assert codes == [422] * 30 + [429] * 2


async def test_a_workspace_one_does_not_belong_to_cannot_be_chosen(customer: Customer) -> None:
    wanted = {"email": customer.email, "password": customer.password}
    mine = await customer.client.post(SIGN_IN, json={**wanted, "workspace_id": str(customer.workspace_id)})
    assert mine.status_code == 200
    other = await customer.client.post(SIGN_IN, json={**wanted, "workspace_id": str(new_id())})
    assert (other.status_code, other.json()["code"]) == (404, "request.not_found")


async def test_refresh_tokens_rotate(customer: Customer) -> None:
    first = customer.session["refresh_token"]
    second = (await refresh(customer.client, first)).json()
    assert second["refresh_token"] != first
    assert (await customer.client.get("/v1/me", headers={"Authorization": f"Bearer {second['access_token']}"})).status_code == 200
    assert (await refresh(customer.client, second["refresh_token"])).status_code == 200


async def test_a_spent_refresh_token_ends_the_whole_session_at_once(customer: Customer) -> None:
    first = customer.session["refresh_token"]
    second = (await refresh(customer.client, first)).json()
    reused = await refresh(customer.client, first)
    assert (reused.status_code, reused.json()["code"]) == (401, "identity.session_ended")
    assert (await refresh(customer.client, second["refresh_token"])).status_code == 401
    for token in (customer.session["access_token"], second["access_token"]):
        assert (await customer.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 401


async def test_of_twenty_refreshes_at_once_at_most_one_lives(customer: Customer) -> None:
    answers = await asyncio.gather(*(refresh(customer.client, customer.session["refresh_token"]) for _ in range(20)))
    winners = [answer for answer in answers if answer.status_code == 200]
    assert len(winners) <= 1
    # Those that were under way at the same time are told so; one that came after the trade was a reuse, and ended the session.
    losers = {answer.status_code for answer in answers} - {200}
    assert losers <= {401, 409}
    for winner in winners:
        assert (await refresh(customer.client, winner.json()["refresh_token"])).status_code == (401 if 401 in losers else 200)


@pytest.mark.parametrize("change", ["truncated", "other secret", "other session", "other workspace", "newline", "upper case", "garbage"])
async def test_a_refresh_token_has_one_spelling(customer: Customer, change: str) -> None:
    token = customer.session["refresh_token"]
    body, secret = token[4:68], token[69:]
    other = new_id().hex
    spelled = {
        "truncated": token[:-1],
        "other secret": f"nxr_{body}_{'A' * 43}",
        "other session": f"nxr_{body[:32]}{other}_{secret}",
        "other workspace": f"nxr_{other}{body[32:]}_{secret}",
        "newline": token + "\n",
        "upper case": "nxr_" + body.upper() + "_" + secret,
        "garbage": "x" * 80,
    }[change]
    answer = await refresh(customer.client, spelled)
    assert answer.status_code == 401


async def test_a_session_lives_no_longer_than_thirty_days_however_often_it_is_refreshed(composition: Composition) -> None:
    clock = MovedClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with at_time(composition, clock) as customer:
        token = customer.session["refresh_token"]
        for _ in range(5):
            clock.move(timedelta(days=6) - timedelta(seconds=1))
            answer = await refresh(customer.client, token)
            assert answer.status_code == 200
            token = answer.json()["refresh_token"]
        clock.move(timedelta(seconds=5))
        assert (await refresh(customer.client, token)).status_code == 401


async def test_an_access_token_works_for_its_time_and_not_a_minute_longer(composition: Composition) -> None:
    clock = MovedClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with at_time(composition, clock) as customer:
        lifetime = timedelta(seconds=customer.session["expires_in"])
        clock.move(lifetime - timedelta(seconds=1))
        assert (await customer.client.get("/v1/me")).status_code == 200
        clock.move(timedelta(seconds=62))
        assert (await customer.client.get("/v1/me")).status_code == 401


async def test_a_token_from_the_future_does_not_work_yet(composition: Composition) -> None:
    clock = MovedClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with at_time(composition, clock) as customer:
        clock.move(timedelta(minutes=-5))
        assert (await customer.client.get("/v1/me")).status_code == 401


async def test_a_hash_made_with_weaker_parameters_is_made_anew_at_sign_in(
    composition: Composition, customer: Customer, database: TestDatabase
) -> None:
    def stored() -> str:
        with psycopg.connect(database.admin_url) as admin:
            found = admin.execute("select password_hash from identity.user_account where email = %s", (customer.email,)).fetchone()
        return str(found[0]) if found else ""

    assert stored().startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    settings: dict[type[BaseSettings], BaseSettings] = {
        **composition.runtime.settings,
        IdentitySettings: IdentitySettings(argon2_memory_kib=20_000),
    }
    stronger = replace(composition, runtime=replace(composition.runtime, settings=settings)).application(
        only=["identity"], lifespan=no_lifespan
    )
    async with visitor_at(stronger) as client:
        assert (await client.post(SIGN_IN, json={"email": customer.email, "password": PASSWORD})).status_code == 200
    assert "m=20000" in stored()


async def test_the_database_holds_no_secret(customer: Customer, database: TestDatabase) -> None:
    key = await customer.api_key()
    secrets = [
        customer.password,
        customer.session["access_token"],
        secret_of(customer.session["refresh_token"]),
        secret_of(key),
    ]
    with psycopg.connect(database.admin_url) as admin:
        tables = admin.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('identity', 'platform', 'queue')"
        )
        for (table,) in tables.fetchall():
            rows = admin.execute(f"select t::text from {table} as t").fetchall()
            text = "\n".join(row[0] for row in rows)
            for secret in secrets:
                assert secret not in text, table
                assert secret.encode().hex() not in text, table


async def test_many_bad_sign_ins_do_not_keep_others_waiting(application: ASGIApp, customer: Customer) -> None:
    async def guess() -> None:
        async with visitor_at(application) as client:
            await client.post(SIGN_IN, json={"email": f"{new_id().hex}@example.com", "password": "not the passphrase"})

    guessing = asyncio.gather(*(guess() for _ in range(40)))
    answered = 0
    while not guessing.done():
        assert (await customer.client.get("/v1/me")).status_code == 200
        answered += 1
    await guessing
    # How fast is for the benchmark AUTHN-03 to say; hashing on the loop would let none through before the last guess.
    assert answered > 3
