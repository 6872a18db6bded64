"""Sensitive things need a fresh proof of identity, and every proof gives tokens of its own."""

import re
import secrets
from datetime import timedelta

import pytest
from tests.architecture.source import python_files
from tests.customers import visitor_at
from tests.modules.identity.mfa.authenticator import SoftwareAuthenticator
from tests.modules.identity.mfa.people import STEP, Json, Person, claims_of

from nexusone.apps.compose import Composition
from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.domain.mfa import write_attempt
from nexusone.modules.identity.service.mfa import CHALLENGE_BYTES, SECRET_BYTES
from nexusone.modules.identity.service.refusals import PeopleOnly, StepUpNeeded
from nexusone.modules.identity.service.step_up import require_recent
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context, Runtime

SENSITIVE = (
    ("POST", "/v1/auth/mfa/totp", None),
    ("DELETE", "/v1/auth/mfa/totp", None),
    ("POST", "/v1/auth/mfa/recovery-codes", None),
    ("POST", "/v1/auth/mfa/passkeys/options", None),
    ("DELETE", "/v1/auth/mfa/passkeys/0198c0de-0000-7000-8000-000000000001", None),
    ("PUT", "/v1/auth/mfa/policy", {"demanded_of": "nobody"}),
)


@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE, ids=lambda value: str(value)[:40])
async def test_authn_17_changing_factors_needs_a_proof_of_the_last_five_minutes(
    person: Person, method: str, path: str, body: Json | None
) -> None:
    person.clock.move(timedelta(seconds=301))
    refused = await person.client.request(method, path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.step_up_needed")
    assert "insufficient_user_authentication" in refused.headers["www-authenticate"]
    stepped = await person.client.post("/v1/auth/mfa/step-up", json={"password": person.customer.password})
    assert stepped.status_code == 200
    person.go_on(stepped.json())
    assert (await person.client.request(method, path, json=body)).status_code != 401


@pytest.mark.parametrize(("seconds", "is_let"), [(0, True), (299, True), (300, True), (301, False)])
def test_authn_17_a_proof_is_recent_for_five_minutes(mfa_composition: Composition, seconds: int, is_let: bool) -> None:
    ctx = _asker(mfa_composition.runtime, age=timedelta(seconds=seconds))
    assert _lets(ctx) is (None if is_let else StepUpNeeded)


def test_authn_17_refreshing_makes_no_proof_younger_and_machines_have_none(runtime: Runtime) -> None:
    ctx = _asker(runtime, age=None)
    assert _lets(ctx) is StepUpNeeded
    machine = Principal(kind="api_key", id=new_id(), permissions=frozenset({"*"}))
    assert _lets(Context(runtime=runtime, workspace_id=new_id(), principal=machine, request_id="test")) is PeopleOnly


async def test_authn_17_a_refreshed_token_tells_the_time_of_the_proof_not_of_the_refresh(person: Person) -> None:
    person.clock.move(timedelta(seconds=301))
    async with visitor_at(person.app) as visitor:
        refreshed = (await visitor.post("/v1/auth/refresh", json={"refresh_token": person.refresh_token})).json()
    person.go_on(refreshed)
    assert (await person.client.post("/v1/auth/mfa/totp")).json()["code"] == "identity.step_up_needed"


async def test_authn_13_a_step_up_gives_new_tokens_and_ends_the_old_ones(person: Person) -> None:
    before, refresh_token = person.client.headers["Authorization"], person.refresh_token
    stepped = (await person.client.post("/v1/auth/mfa/step-up", json={"password": person.customer.password})).json()
    assert stepped["refresh_token"] != refresh_token
    assert claims_of(stepped)["sid"] != claims_of({"access_token": before.removeprefix("Bearer ")})["sid"]
    async with visitor_at(person.app) as visitor:
        assert (await visitor.get("/v1/me", headers={"Authorization": before})).status_code == 401
        assert (await visitor.post("/v1/auth/refresh", json={"refresh_token": refresh_token})).status_code == 401
        headers = {"Authorization": f"Bearer {stepped['access_token']}"}
        assert (await visitor.get("/v1/me", headers=headers)).status_code == 200


async def test_authn_13_enrolling_a_factor_gives_new_tokens_and_no_younger_proof(person: Person) -> None:
    before = claims_of(person.customer.session)
    person.clock.move(timedelta(seconds=120))
    await person.enrol_totp()
    after = claims_of({"access_token": person.client.headers["Authorization"].removeprefix("Bearer ")})
    assert after["sid"] != before["sid"] and after["auth_time"] == before["auth_time"]
    assert "mfa" in after["amr"] and "mfa" not in before["amr"]


async def test_a_step_up_asks_for_the_second_factor_as_a_sign_in_does(person: Person) -> None:
    totp, _ = await person.enrol_totp()
    person.clock.move(timedelta(seconds=301))
    before = person.client.headers["Authorization"]
    challenge = (await person.client.post("/v1/auth/mfa/step-up", json={"password": person.customer.password})).json()
    assert challenge["mfa_required"] and "access_token" not in challenge
    assert (await person.client.post("/v1/auth/mfa/recovery-codes")).status_code == 401
    done = await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()))
    assert done.status_code == 200
    async with visitor_at(person.app) as visitor:
        assert (await visitor.get("/v1/me", headers={"Authorization": before})).status_code == 401
    person.go_on(done.json())
    assert (await person.client.post("/v1/auth/mfa/recovery-codes")).status_code == 201


async def test_a_step_up_by_a_passkey_alone_needs_one_that_verifies_its_owner(person: Person, device: SoftwareAuthenticator) -> None:
    totp, codes = await person.enrol_totp()
    await person.enrol_passkey(device)
    person.clock.move(timedelta(seconds=301))
    challenge = (await person.client.post("/v1/auth/mfa/step-up", json={})).json()
    assert challenge["factors"] == ["passkey"]
    assert challenge["passkey_options"]["userVerification"] == "required"
    person.clock.move(STEP)
    assert (await person.answer(challenge, factor="totp", code=totp.at(person.clock.now()))).status_code == 401
    assert (await person.answer(challenge, factor="recovery_code", code=codes[0])).status_code == 401
    device.verifies_user = False
    shown = device.use(challenge["passkey_options"])
    assert (await person.answer(challenge, factor="passkey", credential=shown)).status_code == 401
    device.verifies_user = True
    shown = device.use(challenge["passkey_options"])
    done = await person.answer(challenge, factor="passkey", credential=shown)
    assert done.status_code == 200
    person.go_on(done.json())
    assert (await person.client.post("/v1/auth/mfa/recovery-codes")).status_code == 201


async def test_a_step_up_with_another_password_or_with_nothing_is_refused(person: Person) -> None:
    wrong = await person.client.post("/v1/auth/mfa/step-up", json={"password": "quite another passphrase"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "identity.wrong_credentials")
    nothing = await person.client.post("/v1/auth/mfa/step-up", json={})
    assert (nothing.status_code, nothing.json()["code"]) == (401, "identity.step_up_needed")
    assert (await person.client.get("/v1/me")).status_code == 200


async def test_authn_05_passwords_cannot_be_guessed_by_stepping_up(person: Person) -> None:
    wanted = {"password": "quite another passphrase"}
    statuses = [(await person.client.post("/v1/auth/mfa/step-up", json=wanted)).status_code for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2


async def test_authn_18_an_api_key_reaches_no_factors(person: Person) -> None:
    key = await person.customer.api_key()
    headers = {"Authorization": f"Bearer {key}"}
    async with visitor_at(person.app) as visitor:
        for method, path, body in (*SENSITIVE, ("GET", "/v1/auth/mfa", None), ("POST", "/v1/auth/mfa/step-up", {})):
            assert (await visitor.request(method, path, json=body, headers=headers)).status_code == 403, path


def test_authn_13_secrets_come_from_the_generator_for_secrets_and_never_from_ids() -> None:
    sources = {file.path: file.text for file in python_files() if file.path.startswith("modules/identity/")}
    assert [path for path, text in sources.items() if re.search(r"\buuid4\b|\bimport random\b|\brandom\.", text)] == []
    assert len(write_attempt(workspace_id=new_id(), attempt_id=new_id(), secret=secrets.token_urlsafe(SECRET_BYTES))) > 64 + 43
    assert min(SECRET_BYTES, CHALLENGE_BYTES) * 8 >= 128


def _asker(runtime: Runtime, *, age: timedelta | None) -> Context:
    proved_at = runtime.clock.now() - age if age is not None else None
    principal = Principal(kind="user", id=new_id(), permissions=frozenset(), session_id=new_id(), authenticated_at=proved_at)
    return Context(runtime=runtime, workspace_id=new_id(), principal=principal, request_id="test")


def _lets(ctx: Context) -> type[Refusal] | None:
    try:
        require_recent(ctx)
    except Refusal as refusal:
        return type(refusal)
    return None
