"""Sessions: how they live, how they are refreshed, how they end."""

import ast
import asyncio
import base64
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from tests.modules.identity.accounts.site import NEW_PASSWORD, Person, Site

import nexusone

IDENTITY = Path(nexusone.__file__).parent / "modules" / "identity"


async def refresh(site: Site, token: str) -> httpx2.Response:
    return await site.post("/v1/auth/refresh", {"refresh_token": token})


async def another_session(site: Site, person: Person, **options: Any) -> Person:
    answer = await site.sign_in(person, **options)
    assert answer.status_code == 200, answer.text
    return Person(person.email, person.password, answer.json())


def claims_of(access_token: str) -> dict[str, Any]:
    payload = access_token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def run_sql(site: Site, statement: str, *values: object) -> None:
    with psycopg.connect(site.admin_url) as connection:
        connection.execute(statement, values)


async def wait_for_waiting(site: Site, count: int) -> None:
    """Until so many transactions wait for a lock."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(10), await psycopg.AsyncConnection.connect(site.admin_url, autocommit=True) as watching:
        while True:
            found = await (await watching.execute(waiting)).fetchone()
            if found == (count,):
                return
            await asyncio.sleep(0.01)


async def test_authn_13_every_sign_in_has_tokens_of_its_own(site: Site) -> None:
    person = await site.open_account()
    sessions = [(await another_session(site, person)).session for _ in range(3)]
    for name in ("access_token", "refresh_token"):
        assert len({session[name] for session in sessions}) == 3
    secret = sessions[0]["refresh_token"][-43:]
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32


def test_authn_13_no_uuid_is_a_secret() -> None:
    for path in IDENTITY.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for call in calls:
            assert "uuid4" not in ast.unparse(call.func), path
            for named in call.keywords:
                assert named.arg != "secret" or "new_id" not in ast.unparse(named.value), path


async def test_authn_14_a_refresh_token_works_once(site: Site) -> None:
    person = await site.open_account()
    first = person.session["refresh_token"]
    second = await refresh(site, first)
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first
    assert (await refresh(site, second.json()["refresh_token"])).status_code == 200


async def test_authn_14_a_spent_token_ends_the_whole_family_and_the_person_is_told(site: Site) -> None:
    person = await site.open_account()
    first = person.session["refresh_token"]
    second = (await refresh(site, first)).json()
    third = (await refresh(site, second["refresh_token"])).json()
    site.clock.move(timedelta(seconds=1))
    assert (await refresh(site, first)).status_code == 401
    assert (await refresh(site, third["refresh_token"])).status_code == 401
    for session in (person.session, second, third):
        assert not await site.is_alive(Person(person.email, person.password, session))
    await site.drain()
    assert [mail.subject for mail in site.outbox.to(person.email)][-1] == "A session was ended for your safety"
    with psycopg.connect(site.admin_url) as connection:
        told = connection.execute(
            "select payload ->> 'reason' from platform.event where workspace_id = %s and name = 'identity.session.ended.v1'",
            (UUID(person.session["workspace"]["id"]),),
        ).fetchall()
    assert told == [("token_reused",)]


async def test_authn_14_twenty_refreshes_at_once_have_one_successor(site: Site) -> None:
    person = await site.open_account()
    answers = await asyncio.gather(*(refresh(site, person.session["refresh_token"]) for _ in range(20)))
    succeeded = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(succeeded) <= 1
    assert {answer.status_code for answer in answers} <= {200, 401, 409}
    alive = [session for session in succeeded if await site.is_alive(Person(person.email, person.password, session))]
    assert len(alive) <= 1


async def test_authn_14_two_tabs_that_refresh_at_once_do_not_end_the_session(site: Site) -> None:
    person = await site.open_account()

    class Stepping:
        """Each look at the clock is a little later, as it is for real."""

        def __init__(self, start: datetime) -> None:
            self.at = start

        def now(self) -> datetime:
            self.at += timedelta(microseconds=10)
            return self.at

    object.__setattr__(site.runtime, "clock", Stepping(site.clock.now()))
    async with await psycopg.AsyncConnection.connect(site.admin_url) as other:
        # Both wait at the session's row, so that neither has an answer before the other asks.
        await other.execute("select 1 from identity.session where user_id = %s for update", (person.session["user"]["id"],))
        asking = [asyncio.create_task(refresh(site, person.session["refresh_token"])) for _ in range(2)]
        await wait_for_waiting(site, 2)
    answers = await asyncio.gather(*asking)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    survivor = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (await refresh(site, survivor["refresh_token"])).status_code == 200


async def test_authn_14_a_token_that_never_was_ends_nothing(site: Site) -> None:
    person = await site.open_account()
    real = person.session["refresh_token"]
    assert (await refresh(site, real[:-43] + "A" * 43)).status_code == 401
    assert (await refresh(site, "nxr_" + "0" * 64 + "_" + "A" * 43)).status_code == 401
    assert (await refresh(site, real)).status_code == 200


async def test_authn_14_a_session_ends_after_thirty_days_however_often_it_is_refreshed(site: Site) -> None:
    person = await site.open_account()
    token = person.session["refresh_token"]
    for _ in range(5):
        site.clock.move(timedelta(days=5, hours=23))
        answer = await refresh(site, token)
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]
    site.clock.move(timedelta(hours=4, minutes=59))
    answer = await refresh(site, token)
    assert answer.status_code == 200
    site.clock.move(timedelta(minutes=2))
    assert (await refresh(site, answer.json()["refresh_token"])).status_code == 401
    assert not await site.is_alive(Person(person.email, person.password, answer.json()))


@pytest.mark.parametrize(("moved", "status"), [(timedelta(days=7, seconds=-1), 200), (timedelta(days=7, seconds=1), 401)])
async def test_authn_15_a_session_ends_after_seven_idle_days(site: Site, moved: timedelta, status: int) -> None:
    person = await site.open_account()
    site.clock.move(moved)
    assert (await refresh(site, person.session["refresh_token"])).status_code == status


@pytest.mark.parametrize(("seconds", "lives"), [(899, True), (901, False)])
async def test_authn_15_an_access_token_lives_fifteen_minutes(site: Site, seconds: int, lives: bool) -> None:
    person = await site.open_account()
    assert person.session["expires_in"] == 900
    site.clock.move(timedelta(seconds=seconds))
    assert await site.is_alive(person) is lives


async def test_authn_16_signing_out_ends_the_access_token_at_once(site: Site) -> None:
    person = await site.open_account()
    other = await another_session(site, person)
    assert (await site.post("/v1/auth/sign-out", headers=person.bearer)).status_code == 204
    assert not await site.is_alive(person)
    assert (await refresh(site, person.session["refresh_token"])).status_code == 401
    assert await site.is_alive(other)


async def test_authn_16_changing_the_password_ends_all_other_sessions_in_all_workspaces(site: Site) -> None:
    person, host = await site.open_account(), await site.open_account()
    workspace_id = host.session["workspace"]["id"]
    run_sql(
        site,
        "insert into identity.member (workspace_id, user_id, role, created_at) values (%s, %s, 'viewer', now())",
        UUID(workspace_id),
        UUID(person.session["user"]["id"]),
    )
    body = {"email": person.email, "password": person.password, "workspace_id": workspace_id}
    abroad = Person(person.email, person.password, (await site.post("/v1/auth/sign-in", body)).json())
    other = await another_session(site, person)
    assert await site.is_alive(abroad)
    wanted = {"current_password": person.password, "new_password": NEW_PASSWORD}
    changed = await site.post("/v1/auth/password", wanted, headers=person.bearer)
    assert changed.status_code == 204, changed.text
    assert await site.is_alive(person)
    for ended in (abroad, other):
        assert not await site.is_alive(ended)
        assert (await refresh(site, ended.session["refresh_token"])).status_code == 401
    assert (await refresh(site, person.session["refresh_token"])).status_code == 200
    assert (await site.sign_in(person)).status_code == 401
    assert (await site.sign_in(person, password=NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    "statement",
    [
        "update identity.user_account set disabled_at = now() where id = %s",
        "delete from identity.member where user_id = %s",
        "update identity.session set revoked_at = now() - interval '1 hour' where user_id = %s",
    ],
)
async def test_authn_16_losing_account_membership_or_session_is_felt_at_the_next_request(site: Site, statement: str) -> None:
    person = await site.open_account()
    assert await site.is_alive(person)
    run_sql(site, statement, UUID(person.session["user"]["id"]))
    assert not await site.is_alive(person)
    assert (await refresh(site, person.session["refresh_token"])).status_code == 401


async def test_authn_17_people_see_and_end_their_sessions(site: Site) -> None:
    person = await site.open_account()
    other = await another_session(site, person, headers={"User-Agent": "Lynx/2.9"})
    listed = (await site.get("/v1/auth/sessions", headers=person.bearer)).json()["items"]
    assert len(listed) == 2
    assert [session["is_current"] for session in listed].count(True) == 1
    abroad = next(session for session in listed if not session["is_current"])
    assert (abroad["user_agent"], abroad["methods"]) == ("Lynx/2.9", ["pwd"])
    async with site.visitor() as client:
        ended = await client.delete(f"/v1/auth/sessions/{abroad['id']}", headers=person.bearer)
        again = await client.delete(f"/v1/auth/sessions/{abroad['id']}", headers=person.bearer)
    assert (ended.status_code, again.status_code) == (204, 404)
    assert not await site.is_alive(other)
    assert len((await site.get("/v1/auth/sessions", headers=person.bearer)).json()["items"]) == 1


async def test_authn_17_all_other_sessions_end_together(site: Site) -> None:
    person = await site.open_account()
    others = [await another_session(site, person) for _ in range(3)]
    assert (await site.post("/v1/auth/sessions/end-others", headers=person.bearer)).status_code == 204
    assert await site.is_alive(person)
    assert not any([await site.is_alive(other) for other in others])
    assert len((await site.get("/v1/auth/sessions", headers=person.bearer)).json()["items"]) == 1


async def test_nobody_sees_or_ends_another_person_s_session(site: Site) -> None:
    person, stranger = await site.open_account(), await site.open_account()
    session_id = claims_of(person.session["access_token"])["sid"]
    async with site.visitor() as client:
        answer = await client.delete(f"/v1/auth/sessions/{session_id}", headers=stranger.bearer)
    assert (answer.status_code, answer.json()["code"]) == (404, "identity.session_not_found")
    assert await site.is_alive(person)
    listed = (await site.get("/v1/auth/sessions", headers=stranger.bearer)).json()["items"]
    assert session_id not in {session["id"] for session in listed}


async def test_the_access_token_says_how_and_when_its_person_signed_in(site: Site) -> None:
    person = await site.open_account()
    began = claims_of(person.session["access_token"])
    site.clock.move(timedelta(minutes=10))
    renewed = claims_of((await refresh(site, person.session["refresh_token"])).json()["access_token"])
    assert began["amr"] == renewed["amr"] == ["pwd"]
    assert began["auth_time"] == renewed["auth_time"]
    assert renewed["exp"] > began["exp"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_authn_21_no_cookie_carries_a_session_and_forms_are_refused(site: Site, media_type: str) -> None:
    person = await site.open_account()
    signed_in = await site.sign_in(person)
    assert "set-cookie" not in signed_in.headers
    async with site.visitor() as client:
        body = json.dumps({"email": person.email, "password": person.password})
        answer = await client.post("/v1/auth/sign-in", content=body, headers={"Content-Type": media_type})
        with_cookie = await client.get("/v1/me", headers={"Cookie": f"access_token={person.session['access_token']}"})
    assert answer.status_code == 415
    assert with_cookie.status_code == 401
