"""Recovery codes: long, single use, void as a set."""

import asyncio

from tests.modules.identity.mfa.authenticator import SoftwareAuthenticator
from tests.modules.identity.mfa.conftest import PersonMaker
from tests.modules.identity.mfa.people import STEP, Person, claims_of

from nexusone.modules.identity.domain.mfa import RECOVERY_CODE_BYTES, recovery_digest, write_recovery_code


def test_authn_11_a_recovery_code_has_at_least_112_bits_and_keeps_them_in_its_text() -> None:
    assert RECOVERY_CODE_BYTES * 8 >= 112
    assert len({write_recovery_code(bytes([at]) * RECOVERY_CODE_BYTES) for at in range(256)}) == 256
    assert len(write_recovery_code(b"\xff" * RECOVERY_CODE_BYTES).replace("-", "")) * 5 == RECOVERY_CODE_BYTES * 8


def test_a_recovery_code_may_be_typed_in_capitals_and_without_separators() -> None:
    code = write_recovery_code(bytes(range(RECOVERY_CODE_BYTES)))
    assert {recovery_digest(code), recovery_digest(code.upper()), recovery_digest(code.replace("-", " "))} == {recovery_digest(code)}
    assert recovery_digest(code.replace("-", "")) == recovery_digest(code)


async def test_authn_11_a_recovery_code_works_once(person: Person) -> None:
    _, codes = await person.enrol_totp()
    assert len(set(codes)) == 10
    first = await person.answer(await person.sign_in(), factor="recovery_code", code=codes[0].upper())
    assert first.status_code == 200 and "mfa" in claims_of(first.json())["amr"]
    again = await person.answer(await person.sign_in(), factor="recovery_code", code=codes[0])
    assert (again.status_code, again.json()["code"]) == (401, "identity.mfa_refused")
    assert (await person.client.get("/v1/auth/mfa")).json()["recovery_codes_left"] == 9


async def test_authn_11_of_ten_at_once_with_the_same_recovery_code_one_gets_in(person: Person) -> None:
    _, codes = await person.enrol_totp()
    challenges = [await person.sign_in() for _ in range(10)]
    answers = await asyncio.gather(*(person.answer(challenge, factor="recovery_code", code=codes[0]) for challenge in challenges))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9


async def test_authn_11_new_recovery_codes_void_the_old_ones(person: Person) -> None:
    _, old = await person.enrol_totp()
    made = await person.client.post("/v1/auth/mfa/recovery-codes")
    assert made.status_code == 201
    new = made.json()["codes"]
    assert len(set(new)) == 10 and not set(new) & set(old)
    assert (await person.answer(await person.sign_in(), factor="recovery_code", code=old[3])).status_code == 401
    assert (await person.answer(await person.sign_in(), factor="recovery_code", code=new[3])).status_code == 200


async def test_recovery_codes_are_no_factor_by_themselves(person: Person) -> None:
    missing = await person.client.post("/v1/auth/mfa/recovery-codes")
    assert (missing.status_code, missing.json()["code"]) == (409, "identity.factor_missing")


async def test_recovery_codes_come_with_the_first_factor_only(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_totp()
    ceremony = await person.ask_for_passkey()
    added = (await person.keep_passkey(ceremony, device.make(ceremony["options"]))).json()
    assert added["recovery_codes"] == []


async def test_a_recovery_code_of_somebody_else_is_refused(make_person: PersonMaker) -> None:
    one, other = await make_person(), await make_person()
    _, codes = await one.enrol_totp()
    totp, _ = await other.enrol_totp()
    challenge = await other.sign_in()
    assert (await other.answer(challenge, factor="recovery_code", code=codes[0])).status_code == 401
    other.clock.move(STEP)
    assert (await other.answer(challenge, factor="totp", code=totp.at(other.clock.now()))).status_code == 200
