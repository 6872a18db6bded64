"""Passkeys, driven by an authenticator in software: registration, second factor, sign-in alone, and every way to cheat."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.customers import visitor_at
from tests.modules.identity.mfa.authenticator import Credential, Format, SoftwareAuthenticator, decode, encode
from tests.modules.identity.mfa.conftest import PersonMaker
from tests.modules.identity.mfa.people import ORIGIN, Person, claims_of, sign_in_with_passkey

from nexusone.modules.identity.domain.passkeys import relying_party


def only(device: SoftwareAuthenticator) -> Credential:
    """The one credential of a device."""
    (credential,) = device.credentials.values()
    return credential


@pytest.mark.parametrize("attestation", ["none", "packed"])
async def test_a_passkey_is_made_listed_and_removed(person: Person, device: SoftwareAuthenticator, attestation: Format) -> None:
    device.attestation = attestation
    passkey = await person.enrol_passkey(device, name="Telephone")
    listed = (await person.client.get("/v1/auth/mfa")).json()["passkeys"]
    assert [(shown["id"], shown["name"], shown["is_synced"]) for shown in listed] == [(passkey["id"], "Telephone", False)]
    assert (await person.client.delete(f"/v1/auth/mfa/passkeys/{passkey['id']}")).status_code == 204
    assert (await person.client.get("/v1/auth/mfa")).json()["passkeys"] == []


async def test_the_browser_is_asked_for_a_credential_it_finds_by_itself_at_our_domain(person: Person) -> None:
    options = (await person.ask_for_passkey())["options"]
    assert options["rp"] == {"id": "app.example.com", "name": "NexusOne"}
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["attestation"] == "none"
    assert len(decode(options["challenge"])) >= 16
    assert (await person.ask_for_passkey())["options"]["challenge"] != options["challenge"]


async def test_an_authenticator_that_has_a_passkey_is_told_not_to_make_another(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    options = (await person.ask_for_passkey())["options"]
    assert [shown["id"] for shown in options["excludeCredentials"]] == [encode(only(device).id)]


async def test_authn_09_a_passkey_is_a_second_factor_after_the_password(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    challenge = await person.sign_in()
    assert challenge["factors"] == ["passkey", "recovery_code"]
    assert [shown["id"] for shown in challenge["passkey_options"]["allowCredentials"]] == [encode(only(device).id)]
    answer = await person.answer(challenge, factor="passkey", credential=device.use(challenge["passkey_options"]))
    assert answer.status_code == 200, answer.text
    assert {"pwd", "hwk", "mfa"} <= set(claims_of(answer.json())["amr"])


async def test_authn_09_a_device_that_does_not_verify_its_owner_is_enough_beside_a_password(
    person: Person, device: SoftwareAuthenticator
) -> None:
    await person.enrol_passkey(device)
    device.verifies_user = False
    challenge = await person.sign_in()
    answer = await person.answer(challenge, factor="passkey", credential=device.use(challenge["passkey_options"]))
    assert answer.status_code == 200


async def test_authn_09_a_passkey_alone_is_a_full_sign_in(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    answer = await sign_in_with_passkey(person.app, device)
    assert answer.status_code == 200, answer.text
    session = answer.json()
    assert {"hwk", "mfa"} <= set(claims_of(session)["amr"]) and "pwd" not in claims_of(session)["amr"]
    assert session["user"]["email"] == person.customer.email
    async with visitor_at(person.app) as visitor:
        me = await visitor.get("/v1/me", headers={"Authorization": f"Bearer {session['access_token']}"})
    assert me.status_code == 200


async def test_a_passkey_that_is_synced_is_told_apart(person: Person, device: SoftwareAuthenticator) -> None:
    device.is_synced, device.counts = True, False
    assert (await person.enrol_passkey(device))["is_synced"] is True
    for _ in range(2):
        session = (await sign_in_with_passkey(person.app, device)).json()
        assert "swk" in claims_of(session)["amr"]


async def test_a_passkey_alone_opens_the_wanted_workspace_or_none(make_person: PersonMaker, device: SoftwareAuthenticator) -> None:
    one, other = await make_person(), await make_person()
    await one.enrol_passkey(device)
    assert (await sign_in_with_passkey(one.app, device, workspace_id=one.workspace)).json()["workspace"]["id"] == one.workspace
    assert (await sign_in_with_passkey(one.app, device, workspace_id=other.workspace)).status_code == 404


async def test_a_passkey_alone_must_verify_its_owner(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    device.verifies_user = False
    refused = await sign_in_with_passkey(person.app, device)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.passkey_unknown")


async def test_a_replayed_assertion_is_refused(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    async with visitor_at(person.app) as visitor:
        asked = (await visitor.post("/v1/auth/passkeys/options")).json()
        shown = {"ceremony": asked["ceremony"], "credential": device.use(asked["options"])}
        assert (await visitor.post("/v1/auth/passkeys/sign-in", json=shown)).status_code == 200
        assert (await visitor.post("/v1/auth/passkeys/sign-in", json=shown)).status_code == 401
        later = (await visitor.post("/v1/auth/passkeys/options")).json()
        replayed = {**shown, "ceremony": later["ceremony"]}
        assert (await visitor.post("/v1/auth/passkeys/sign-in", json=replayed)).status_code == 401


async def test_of_ten_at_once_with_the_same_assertion_one_gets_in(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    async with visitor_at(person.app) as visitor:
        asked = (await visitor.post("/v1/auth/passkeys/options")).json()
        shown = {"ceremony": asked["ceremony"], "credential": device.use(asked["options"])}
        answers = await asyncio.gather(*(visitor.post("/v1/auth/passkeys/sign-in", json=shown) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9


async def test_authn_12_an_assertion_for_one_attempt_is_refused_in_another(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    one, other = await person.sign_in(), await person.sign_in()
    shown = device.use(one["passkey_options"])
    assert (await person.answer(other, factor="passkey", credential=shown)).status_code == 401
    assert (await person.answer(one, factor="passkey", credential=shown)).status_code == 200


@pytest.mark.parametrize("origin", ["https://app.example.com.evil.test", "http://app.example.com", "https://app.example.com:8443", "null"])
async def test_a_page_of_another_origin_is_refused(person: Person, device: SoftwareAuthenticator, origin: str) -> None:
    await person.enrol_passkey(device)
    elsewhere = replace(device, origin=origin)
    assert (await sign_in_with_passkey(person.app, elsewhere)).status_code == 401
    ceremony = await person.ask_for_passkey()
    refused = await person.keep_passkey(ceremony, elsewhere.make(ceremony["options"]))
    assert (refused.status_code, refused.json()["code"]) == (409, "identity.factor_not_proved")


async def test_another_relying_party_is_refused(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    elsewhere = replace(device, rp_id="evil.test")
    assert (await sign_in_with_passkey(person.app, elsewhere)).status_code == 401
    ceremony = await person.ask_for_passkey()
    assert (await person.keep_passkey(ceremony, elsewhere.make(ceremony["options"]))).status_code == 409


async def test_a_page_inside_a_page_of_another_origin_is_refused(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    framed = replace(device, is_framed=True)
    assert (await sign_in_with_passkey(person.app, framed)).status_code == 401
    ceremony = await person.ask_for_passkey()
    assert (await person.keep_passkey(ceremony, framed.make(ceremony["options"]))).status_code == 409


async def test_a_counter_that_stands_or_goes_back_is_refused(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    only(device).counter = 10
    assert (await sign_in_with_passkey(person.app, device)).status_code == 200
    for stale in (10, 5, 0):
        only(device).counter = stale
        copy = replace(device, counts=False)
        assert (await sign_in_with_passkey(person.app, copy)).status_code == 401, stale
    only(device).counter = 11
    assert (await sign_in_with_passkey(person.app, device)).status_code == 200


async def test_a_removed_passkey_opens_nothing(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_totp()
    passkey = await person.enrol_passkey(device)
    challenge = await person.sign_in()
    assert (await person.client.delete(f"/v1/auth/mfa/passkeys/{passkey['id']}")).status_code == 204
    assert (await sign_in_with_passkey(person.app, device)).status_code == 401
    refused = await person.answer(challenge, factor="passkey", credential=device.use(challenge["passkey_options"]))
    assert refused.status_code == 401
    assert "passkey" not in (await person.sign_in())["factors"]
    again = await person.client.delete(f"/v1/auth/mfa/passkeys/{passkey['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "identity.factor_not_found")


async def test_somebody_elses_passkey_is_no_second_factor_and_cannot_be_removed(make_person: PersonMaker) -> None:
    one, other = await make_person(), await make_person()
    mine, theirs = SoftwareAuthenticator(origin=ORIGIN), SoftwareAuthenticator(origin=ORIGIN)
    await one.enrol_passkey(mine)
    passkey = await other.enrol_passkey(theirs)
    challenge = await one.sign_in()
    shown = theirs.use(challenge["passkey_options"], credential=only(theirs))
    assert (await one.answer(challenge, factor="passkey", credential=shown)).status_code == 401
    assert (await one.client.delete(f"/v1/auth/mfa/passkeys/{passkey['id']}")).status_code == 404
    assert (await sign_in_with_passkey(other.app, theirs)).status_code == 200


async def test_a_device_that_names_another_account_is_refused(make_person: PersonMaker, device: SoftwareAuthenticator) -> None:
    one, other = await make_person(), await make_person()
    await one.enrol_passkey(device)
    elsewhere = SoftwareAuthenticator(origin=ORIGIN)
    await other.enrol_passkey(elsewhere)
    only(device).user_handle = only(elsewhere).user_handle
    assert (await sign_in_with_passkey(one.app, device)).status_code == 401


async def test_a_forged_signature_is_refused(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    forger = SoftwareAuthenticator(origin=ORIGIN)
    ceremony = await person.ask_for_passkey()
    forger.make(ceremony["options"])
    forged = Credential(only(device).id, only(forger).key, only(device).user_handle, counter=100)
    forger.credentials = {forged.id: forged}
    assert (await sign_in_with_passkey(person.app, forger)).status_code == 401


async def test_a_ceremony_to_register_belongs_to_its_person_and_is_answered_once(
    make_person: PersonMaker, device: SoftwareAuthenticator
) -> None:
    one, other = await make_person(), await make_person()
    ceremony = await one.ask_for_passkey()
    made = device.make(ceremony["options"])
    assert (await other.keep_passkey(ceremony, made)).status_code == 409
    assert (await one.keep_passkey(ceremony, made)).status_code == 409
    fresh = await one.ask_for_passkey()
    made = device.make(fresh["options"])
    added = await one.keep_passkey(fresh, made)
    assert added.status_code == 201
    one.go_on(added.json()["session"])
    assert (await one.keep_passkey(fresh, made)).status_code == 409


async def test_a_ceremony_for_one_purpose_is_no_use_for_the_other(person: Person, device: SoftwareAuthenticator) -> None:
    await person.enrol_passkey(device)
    registering = await person.ask_for_passkey()
    async with visitor_at(person.app) as visitor:
        asked = {"challenge": registering["options"]["challenge"], "rpId": "app.example.com"}
        shown = {"ceremony": registering["ceremony"], "credential": device.use(asked)}
        assert (await visitor.post("/v1/auth/passkeys/sign-in", json=shown)).status_code == 401
        signing_in = (await visitor.post("/v1/auth/passkeys/options")).json()
    options = {**registering["options"], "challenge": signing_in["options"]["challenge"]}
    assert (await person.keep_passkey(signing_in, device.make(options))).status_code == 409


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (601, 401)])
async def test_a_ceremony_lives_ten_minutes(person: Person, device: SoftwareAuthenticator, seconds: int, status: int) -> None:
    await person.enrol_passkey(device)
    async with visitor_at(person.app) as visitor:
        asked = (await visitor.post("/v1/auth/passkeys/options")).json()
        shown = {"ceremony": asked["ceremony"], "credential": device.use(asked["options"])}
        person.clock.move(timedelta(seconds=seconds))
        assert (await visitor.post("/v1/auth/passkeys/sign-in", json=shown)).status_code == status


async def test_the_same_credential_is_kept_once(make_person: PersonMaker, device: SoftwareAuthenticator) -> None:
    one, other = await make_person(), await make_person()
    await one.enrol_passkey(device)
    ceremony = await other.ask_for_passkey()
    refused = await other.keep_passkey(ceremony, device.make(ceremony["options"], credential=only(device)))
    assert (refused.status_code, refused.json()["code"]) == (409, "identity.passkey_taken")


@pytest.mark.parametrize("attestation", ["packed-x5c", "unknown"])
async def test_an_attestation_that_nobody_asked_for_is_refused(person: Person, device: SoftwareAuthenticator, attestation: Format) -> None:
    device.attestation = attestation
    ceremony = await person.ask_for_passkey()
    assert (await person.keep_passkey(ceremony, device.make(ceremony["options"]))).status_code == 409


async def test_a_device_whose_owner_was_not_there_is_refused(person: Person, device: SoftwareAuthenticator) -> None:
    device.is_present = False
    ceremony = await person.ask_for_passkey()
    assert (await person.keep_passkey(ceremony, device.make(ceremony["options"]))).status_code == 409


@pytest.mark.parametrize("part", ["clientDataJSON", "attestationObject"])
@pytest.mark.parametrize("nonsense", ["", "AAAA", "oWNmbXRkbm9uZQ", "bnVsbA", "_w", "A"])
async def test_what_cannot_be_read_is_refused(person: Person, device: SoftwareAuthenticator, part: str, nonsense: str) -> None:
    ceremony = await person.ask_for_passkey()
    made = device.make(ceremony["options"])
    made["response"][part] = nonsense
    assert (await person.keep_passkey(ceremony, made)).status_code == 409


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
@pytest.mark.parametrize("nonsense", ["", "AAAA", "bnVsbA", "A"])
async def test_an_assertion_that_cannot_be_read_is_refused(person: Person, device: SoftwareAuthenticator, part: str, nonsense: str) -> None:
    await person.enrol_passkey(device)
    async with visitor_at(person.app) as visitor:
        asked = (await visitor.post("/v1/auth/passkeys/options")).json()
        shown = device.use(asked["options"])
        shown["response"][part] = nonsense
        answer = await visitor.post("/v1/auth/passkeys/sign-in", json={"ceremony": asked["ceremony"], "credential": shown})
    assert answer.status_code == 401


def test_the_relying_party_is_the_public_address() -> None:
    party = relying_party("https://app.example.com:8443")
    assert (party.id, party.origins) == ("app.example.com", ("https://app.example.com:8443",))


def test_a_loopback_address_stands_for_localhost() -> None:
    party = relying_party("http://127.0.0.1:8000")
    assert (party.id, party.origins) == ("localhost", ("http://127.0.0.1:8000", "http://localhost:8000"))


def test_a_domain_above_serves_the_pages_that_are_named() -> None:
    party = relying_party("https://app.example.com", domain="example.com", origins=("https://admin.example.com",))
    assert (party.id, party.origins) == ("example.com", ("https://app.example.com", "https://admin.example.com"))
