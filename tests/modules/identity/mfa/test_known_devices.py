"""A known device stays known when a second factor stands between the password and the session (AUTHN-05)."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.customers import visitor_at
from tests.modules.identity.mfa.authenticator import SoftwareAuthenticator
from tests.modules.identity.mfa.people import STEP, Person

Answering = Callable[[Person, SoftwareAuthenticator], Awaitable[Callable[[dict[str, Any]], dict[str, Any]]]]


async def _with_totp(person: Person, _: SoftwareAuthenticator) -> Callable[[dict[str, Any]], dict[str, Any]]:
    totp, _codes = await person.enrol_totp()
    return lambda _challenge: {"factor": "totp", "code": totp.at(person.clock.now())}


async def _with_recovery_code(person: Person, _: SoftwareAuthenticator) -> Callable[[dict[str, Any]], dict[str, Any]]:
    _totp, codes = await person.enrol_totp()
    return lambda _challenge: {"factor": "recovery_code", "code": codes.pop()}


async def _with_passkey(person: Person, device: SoftwareAuthenticator) -> Callable[[dict[str, Any]], dict[str, Any]]:
    await person.enrol_passkey(device)
    return lambda challenge: {"factor": "passkey", "credential": device.use(challenge["passkey_options"])}


def _devices_and_mails(database: TestDatabase, person: Person) -> tuple[int, int]:
    with psycopg.connect(database.admin_url) as admin:
        (known,) = admin.execute("select count(*) from identity.device where user_id = %s", (_user_id(person),)).fetchone() or (0,)
        (told,) = admin.execute(
            "select count(*) from queue.pgqueuer where entrypoint ~ 'notice'"
            " and convert_from(payload, 'utf8') ~ 'new_device' and convert_from(payload, 'utf8') ~ %s",
            (_user_id(person),),
        ).fetchone() or (0,)
    return known, told


def _user_id(person: Person) -> str:
    return str(person.customer.session["user"]["id"])


@pytest.mark.parametrize("way", [_with_totp, _with_recovery_code, _with_passkey])
async def test_authn_05_a_device_shown_with_the_second_factor_is_recognised(
    person: Person, device: SoftwareAuthenticator, database: TestDatabase, way: Answering
) -> None:
    factor = await way(person, device)
    known = person.customer.session["device"]
    before = _devices_and_mails(database, person)
    challenge = await person.sign_in()
    answer = await person.answer(challenge, device=known, **factor(challenge))
    assert answer.status_code == 200, answer.text
    assert answer.json()["device"] is None
    assert _devices_and_mails(database, person) == before


@pytest.mark.parametrize("shown", [None, "nxd_" + "0" * 32 + "_" + "A" * 43, "another account's"])
async def test_authn_05_any_other_device_is_new_and_gets_a_token_that_is_known_next_time(
    person: Person, make_person: Callable[[], Awaitable[Person]], shown: str | None
) -> None:
    totp, _ = await person.enrol_totp()
    token = (await make_person()).customer.session["device"] if shown == "another account's" else shown
    challenge = await person.sign_in()
    first = await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()), device=token)
    assert first.json()["device"] is not None
    person.clock.move(STEP)
    challenge = await person.sign_in()
    second = await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()), device=first.json()["device"])
    assert second.json()["device"] is None


async def test_authn_05_a_passkey_alone_recognises_the_device_it_is_shown_with(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    async with visitor_at(person.app) as visitor:
        asked = (await visitor.post("/v1/auth/passkeys/options")).json()
        shown = {"ceremony": asked["ceremony"], "credential": device.use(asked["options"]), "device": person.customer.session["device"]}
        answer = await visitor.post("/v1/auth/passkeys/sign-in", json=shown)
    assert (answer.status_code, answer.json()["device"]) == (200, None)


async def test_authn_05_a_person_with_a_second_factor_and_a_known_device_gets_in_while_others_guess(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    email, known = person.customer.email, person.customer.session["device"]
    for n in range(22):
        async with visitor_at(person.app) as guesser:
            last = await guesser.post("/v1/auth/sign-in", json={"email": email, "password": f"some guess number {n}"})
    assert last.status_code == 429
    async with visitor_at(person.app) as visitor:
        wanted = {"email": email, "password": person.customer.password, "device": known}
        challenge = (await visitor.post("/v1/auth/sign-in", json=wanted)).json()
    answer = await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()), device=known)
    assert (answer.status_code, answer.json()["device"]) == (200, None)
