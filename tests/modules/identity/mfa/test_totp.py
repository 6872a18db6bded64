"""Authenticator apps: enrolment, a code works once, tries and attempts are bounded."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from pyotp import TOTP
from tests.conftest import TestDatabase
from tests.customers import visitor_at
from tests.modules.identity.mfa.conftest import PersonMaker
from tests.modules.identity.mfa.people import STEP, Person, claims_of


def wrong(totp: TOTP, person: Person) -> str:
    """Six digits that are no code of now."""
    near = {totp.at(person.clock.now() + step * STEP) for step in range(-3, 4)}
    return next(code for code in (f"{number:06d}" for number in range(100)) if code not in near)


async def test_an_app_is_enrolled_by_its_first_code(person: Person) -> None:
    begun = (await person.client.post("/v1/auth/mfa/totp")).json()
    assert begun["uri"].startswith("otpauth://totp/NexusOne:") and begun["secret"] in begun["uri"]
    assert begun["qr_svg"].startswith("<svg") and begun["expires_in"] <= 600
    assert len(begun["secret"]) == 32
    assert (await person.client.get("/v1/auth/mfa")).json()["totp_since"] is None
    code = TOTP(begun["secret"]).at(person.clock.now())
    done = (await person.client.post("/v1/auth/mfa/totp/confirm", json={"code": code})).json()
    person.go_on(done["session"])
    state = (await person.client.get("/v1/auth/mfa")).json()
    assert state["totp_since"] is not None and state["is_satisfied"] and state["recovery_codes_left"] == 10


async def test_an_app_that_shows_another_code_is_not_enrolled_and_has_five_tries(person: Person) -> None:
    totp = TOTP((await person.client.post("/v1/auth/mfa/totp")).json()["secret"])
    for _ in range(5):
        answer = await person.client.post("/v1/auth/mfa/totp/confirm", json={"code": wrong(totp, person)})
        assert (answer.status_code, answer.json()["code"]) == (409, "identity.factor_not_proved")
    answer = await person.client.post("/v1/auth/mfa/totp/confirm", json={"code": totp.at(person.clock.now())})
    assert (answer.status_code, answer.json()["code"]) == (409, "identity.nothing_to_confirm")


async def test_an_enrolment_is_over_after_ten_minutes(person: Person) -> None:
    totp = TOTP((await person.client.post("/v1/auth/mfa/totp")).json()["secret"])
    person.clock.move(timedelta(seconds=601))
    answer = await person.client.post("/v1/auth/mfa/totp/confirm", json={"code": totp.at(person.clock.now())})
    assert answer.json()["code"] == "identity.nothing_to_confirm"


async def test_a_new_app_takes_the_place_of_the_one_before(person: Person) -> None:
    old, _ = await person.enrol_totp()
    new, codes = await person.enrol_totp()
    assert codes == []
    refused = await person.answer(await person.sign_in(), factor="totp", code=old.at(person.clock.now()))
    assert refused.status_code == 401
    assert (await person.answer(await person.sign_in(), factor="totp", code=new.at(person.clock.now()))).status_code == 200


async def test_authn_09_a_password_alone_opens_no_session_once_there_is_a_second_factor(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    challenge = await person.sign_in()
    assert challenge["mfa_required"] is True and challenge["factors"] == ["totp", "recovery_code"]
    assert "access_token" not in challenge
    answer = await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()))
    assert answer.status_code == 200
    assert {"pwd", "otp", "mfa"} <= set(claims_of(answer.json())["amr"])


async def test_authn_10_a_totp_code_works_once(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    code = totp.at(person.clock.now())
    assert (await person.answer(await person.sign_in(), factor="totp", code=code)).status_code == 200
    again = await person.answer(await person.sign_in(), factor="totp", code=code)
    assert (again.status_code, again.json()["code"]) == (401, "identity.mfa_refused")


async def test_authn_10_the_same_code_from_twenty_at_once_has_exactly_one_success(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    challenges = [await person.sign_in() for _ in range(20)]
    code = totp.at(person.clock.now())
    answers = await asyncio.gather(*(person.answer(challenge, factor="totp", code=code) for challenge in challenges))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19


async def test_authn_10_the_code_that_enrolled_an_app_signs_nobody_in(person: Person) -> None:
    totp = TOTP((await person.client.post("/v1/auth/mfa/totp")).json()["secret"])
    code = totp.at(person.clock.now())
    assert (await person.client.post("/v1/auth/mfa/totp/confirm", json={"code": code})).status_code == 200
    assert (await person.answer(await person.sign_in(), factor="totp", code=code)).status_code == 401


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
async def test_authn_10_a_code_is_good_one_step_around_its_own(person: Person, steps: int, status: int) -> None:
    totp, _ = await person.enrol_totp()
    person.clock.move(4 * STEP)
    challenge = await person.sign_in()
    answer = await person.answer(challenge, factor="totp", code=totp.at(person.clock.now() + steps * STEP))
    assert answer.status_code == status


async def test_authn_10_a_code_of_a_step_before_the_last_used_one_is_refused(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    person.clock.move(4 * STEP)
    now = person.clock.now()
    assert (await person.answer(await person.sign_in(), factor="totp", code=totp.at(now + STEP))).status_code == 200
    assert (await person.answer(await person.sign_in(), factor="totp", code=totp.at(now))).status_code == 401


async def test_authn_12_an_attempt_has_five_tries(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    challenge = await person.sign_in()
    for _ in range(5):
        refused = await person.answer(challenge, factor="totp", code=wrong(totp, person))
        assert refused.json()["code"] == "identity.mfa_refused"
    over = await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()))
    assert (over.status_code, over.json()["code"]) == (401, "identity.mfa_attempt_over")


async def test_authn_12_twenty_wrong_codes_at_once_take_no_more_than_five_tries(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    challenge, code = await person.sign_in(), wrong(totp, person)
    answers = await asyncio.gather(*(person.answer(challenge, factor="totp", code=code) for _ in range(20)))
    codes = [answer.json()["code"] for answer in answers]
    assert codes.count("identity.mfa_refused") == 5 and codes.count("identity.mfa_attempt_over") == 15


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (601, 401)])
async def test_authn_12_an_attempt_lives_ten_minutes(person: Person, seconds: int, status: int) -> None:
    totp, _ = await person.enrol_totp()
    challenge = await person.sign_in()
    assert challenge["expires_in"] <= 600
    person.clock.move(timedelta(seconds=seconds))
    assert (await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()))).status_code == status


async def test_authn_12_an_attempt_leads_to_one_session(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    challenge = await person.sign_in()
    assert (await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()))).status_code == 200
    person.clock.move(STEP)
    again = await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()))
    assert (again.status_code, again.json()["code"]) == (401, "identity.mfa_attempt_over")


async def test_authn_12_a_code_is_no_use_in_somebody_elses_attempt(make_person: PersonMaker) -> None:
    one, other = await make_person(), await make_person()
    totp, _ = await one.enrol_totp()
    await other.enrol_totp()
    refused = await one.answer(await other.sign_in(), factor="totp", code=totp.at(one.clock.now()))
    assert refused.status_code == 401


@pytest.mark.parametrize("change", ["id", "secret", "workspace", "nonsense"])
async def test_authn_12_an_attempt_that_is_spelled_otherwise_is_refused(person: Person, change: str) -> None:
    totp, _ = await person.enrol_totp()
    attempt = (await person.sign_in())["attempt"]
    kind, places, secret = attempt.split("_", 2)
    flipped = {
        "id": f"{kind}_{places[:-1]}{'0' if places[-1] != '0' else '1'}_{secret}",
        "secret": f"{kind}_{places}_{'A' if secret[0] != 'A' else 'B'}{secret[1:]}",
        "workspace": f"{kind}_{'0' if places[0] != '0' else '1'}{places[1:]}_{secret}",
        "nonsense": "nxm_nonsense",
    }[change]
    refused = await person.answer({"attempt": flipped}, factor="totp", code=totp.at(person.clock.now()))
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.mfa_attempt_over")


async def test_authn_05_codes_are_limited_per_account_over_all_attempts(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    statuses = []
    for _ in range(5):
        challenge = await person.sign_in()
        statuses += [(await person.answer(challenge, factor="totp", code=wrong(totp, person))).status_code for _ in range(5)]
    assert statuses == [401] * 20 + [429] * 5
    assert (await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()))).status_code == 429


async def test_authn_05_who_ran_out_of_codes_still_gets_in_by_a_recovery_code(person: Person) -> None:
    totp, codes = await person.enrol_totp()
    for _ in range(4):
        challenge = await person.sign_in()
        for _ in range(5):
            await person.answer(challenge, factor="totp", code=wrong(totp, person))
    assert (await person.answer(await person.sign_in(), factor="totp", code=wrong(totp, person))).status_code == 429
    assert (await person.answer(await person.sign_in(), factor="recovery_code", code=codes[0])).status_code == 200


async def test_authn_11_no_table_holds_a_seed_or_a_secret(person: Person, database: TestDatabase) -> None:
    totp, codes = await person.enrol_totp()
    pending = (await person.client.post("/v1/auth/mfa/totp")).json()["secret"]
    attempt = (await person.sign_in())["attempt"].split("_", 2)[2]
    secrets = [totp.secret.encode(), totp.byte_secret(), pending.encode(), TOTP(pending).byte_secret(), attempt.encode()]
    secrets += [spelled.encode() for code in codes for spelled in (code, code.replace("-", ""), code.upper())]
    dump = _dump(database)
    assert b"billing.open_ledger_for_new_workspace" in dump
    assert [secret for secret in secrets if secret in dump or secret.hex().encode() in dump] == []


def _dump(database: TestDatabase) -> bytes:
    with psycopg.connect(database.admin_url) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        parts = []
        for (table,) in tables:
            with connection.cursor() as cursor, cursor.copy(f"copy {table} to stdout".encode()) as copy:
                parts += [bytes(chunk) for chunk in copy]
    return b"".join(parts)


async def test_removing_the_app_asks_for_no_second_factor_any_more_and_voids_the_recovery_codes(person: Person) -> None:
    _, codes = await person.enrol_totp()
    assert (await person.client.delete("/v1/auth/mfa/totp")).status_code == 204
    assert "access_token" in await person.sign_in()
    state = (await person.client.get("/v1/auth/mfa")).json()
    assert (state["totp_since"], state["recovery_codes_left"]) == (None, 0)
    assert codes
    missing = await person.client.delete("/v1/auth/mfa/totp")
    assert (missing.status_code, missing.json()["code"]) == (404, "identity.factor_not_found")


async def test_authn_16_enrolling_and_removing_a_factor_ends_all_other_sessions(person: Person) -> None:
    other = await person.sign_in()
    before = person.client.headers["Authorization"]
    totp, _ = await person.enrol_totp()
    async with visitor_at(person.app) as visitor:
        for token in (f"Bearer {other['access_token']}", before):
            assert (await visitor.get("/v1/me", headers={"Authorization": token})).status_code == 401
        elsewhere = (await person.answer(await person.sign_in(), factor="totp", code=totp.at(person.clock.now()))).json()
        headers = {"Authorization": f"Bearer {elsewhere['access_token']}"}
        assert (await visitor.get("/v1/me", headers=headers)).status_code == 200
        assert (await person.client.delete("/v1/auth/mfa/totp")).status_code == 204
        assert (await visitor.get("/v1/me", headers=headers)).status_code == 401
    assert (await person.client.get("/v1/me")).status_code == 200
