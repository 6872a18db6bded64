"""Choosing a password anew, and what people are told about their account."""

import asyncio
import json
from datetime import timedelta

import pytest
from tests.customers import fresh_ip
from tests.modules.identity.accounts.site import NEW_PASSWORD, PASSWORD, Person, Site, fresh_email

from nexusone.modules.identity.contracts.mails import NoticeKind
from nexusone.modules.identity.service.mailing import TEXTS, texts_of

LANGUAGES = ("en", "de", "es", "fr")


async def forgotten(site: Site, person: Person) -> str:
    answer = await site.post("/v1/auth/password/forgot", {"email": person.email})
    assert answer.status_code == 202
    return await site.mailed_token(person.email)


async def test_authn_08_a_reset_works_once_and_ends_all_sessions(site: Site) -> None:
    person = await site.open_account()
    token = await forgotten(site, person)
    wanted = {"token": token, "password": NEW_PASSWORD}
    answers = await asyncio.gather(*(site.post("/v1/auth/password/reset", wanted) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 5]
    assert not await site.is_alive(person)
    assert (await site.post("/v1/auth/refresh", {"refresh_token": person.session["refresh_token"]})).status_code == 401
    assert (await site.sign_in(person)).status_code == 401
    assert (await site.sign_in(person, password=NEW_PASSWORD)).status_code == 200
    await site.drain()
    assert "Your password was chosen anew" in [mail.subject for mail in site.outbox.to(person.email)]


async def test_authn_08_a_reset_opens_no_session_by_itself(site: Site) -> None:
    person = await site.open_account()
    answer = await site.post("/v1/auth/password/reset", {"token": await forgotten(site, person), "password": NEW_PASSWORD})
    assert set(answer.json()) == {"device"}


@pytest.mark.parametrize(("moved", "status"), [(timedelta(seconds=1799), 200), (timedelta(seconds=1800), 401)])
async def test_authn_08_a_reset_ends_after_half_an_hour(site: Site, moved: timedelta, status: int) -> None:
    person = await site.open_account()
    token = await forgotten(site, person)
    site.clock.move(moved)
    assert (await site.post("/v1/auth/password/reset", {"token": token, "password": NEW_PASSWORD})).status_code == status


async def test_authn_08_the_last_mail_voids_those_before(site: Site) -> None:
    person = await site.open_account()
    first = await forgotten(site, person)
    second = await forgotten(site, person)
    assert first != second
    assert (await site.post("/v1/auth/password/reset", {"token": first, "password": NEW_PASSWORD})).status_code == 401
    assert (await site.post("/v1/auth/password/reset", {"token": second, "password": NEW_PASSWORD})).status_code == 200


async def test_authn_08_a_changed_password_voids_the_mails_before(site: Site) -> None:
    person = await site.open_account()
    token = await forgotten(site, person)
    wanted = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await site.post("/v1/auth/password", wanted, headers=person.bearer)).status_code == 204
    assert (await site.post("/v1/auth/password/reset", {"token": token, "password": PASSWORD})).status_code == 401


async def test_authn_08_one_account_s_token_resets_no_other_s_password(site: Site) -> None:
    person, other = await site.open_account(), await site.open_account()
    mine, theirs = await forgotten(site, person), await forgotten(site, other)
    mixed = theirs[:-43] + mine[-43:]
    assert (await site.post("/v1/auth/password/reset", {"token": mixed, "password": NEW_PASSWORD})).status_code == 401
    assert (await site.post("/v1/auth/password/reset", {"token": mine, "password": NEW_PASSWORD})).status_code == 200
    assert (await site.sign_in(other)).status_code == 200


async def test_a_weak_password_leaves_the_token_good(site: Site) -> None:
    person = await site.open_account()
    token = await forgotten(site, person)
    weak = await site.post("/v1/auth/password/reset", {"token": token, "password": "password12345678"})
    assert (weak.status_code, weak.json()["errors"][0]["pointer"]) == (422, "/password")
    assert (await site.post("/v1/auth/password/reset", {"token": token, "password": NEW_PASSWORD})).status_code == 200


async def test_authn_04_a_forgotten_password_of_nobody_sends_nothing(site: Site) -> None:
    email = fresh_email()
    assert (await site.post("/v1/auth/password/forgot", {"email": email})).status_code == 202
    await site.drain()
    assert site.outbox.to(email) == []


async def test_authn_17_changing_the_password_needs_the_present_one_and_is_told(site: Site) -> None:
    person = await site.open_account()
    wrong = await site.post("/v1/auth/password", {"current_password": NEW_PASSWORD, "new_password": NEW_PASSWORD}, headers=person.bearer)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "identity.wrong_credentials")
    weak = await site.post("/v1/auth/password", {"current_password": PASSWORD, "new_password": "short"}, headers=person.bearer)
    assert (weak.status_code, weak.json()["errors"][0]["pointer"]) == (422, "/new_password")
    done = await site.post("/v1/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD}, headers=person.bearer)
    assert done.status_code == 204
    await site.drain()
    assert site.outbox.to(person.email)[-1].subject == "Your password was changed"


async def test_authn_17_changing_the_password_needs_a_sign_in_of_the_last_five_minutes(site: Site) -> None:
    person = await site.open_account()
    site.clock.move(timedelta(seconds=301))
    wanted = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    refused = await site.post("/v1/auth/password", wanted, headers=person.bearer)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.step_up_needed")
    assert "insufficient_user_authentication" in refused.headers["www-authenticate"]


async def test_authn_18_an_api_key_does_nothing_that_only_its_person_may(site: Site) -> None:
    person = await site.open_account()
    made = await site.post("/v1/api-keys", {"name": "machine", "permissions": ["contacts:read"]}, headers=person.bearer)
    bearer = {"Authorization": f"Bearer {made.json()['secret']}"}
    wanted = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    async with site.visitor() as client:
        answers = [
            await client.post("/v1/auth/password", json=wanted, headers=bearer),
            await client.post("/v1/auth/sign-out", headers=bearer),
            await client.post("/v1/auth/sessions/end-others", headers=bearer),
            await client.get("/v1/auth/sessions", headers=bearer),
        ]
    assert {answer.status_code for answer in answers} == {403}


async def test_a_sign_in_on_a_new_device_is_told_and_on_a_known_one_is_not(site: Site) -> None:
    person = await site.open_account()
    first = await site.sign_in(person, ip="203.0.113.7", headers={"User-Agent": "Lynx/2.9"})
    await site.drain()
    told = site.outbox.to(person.email)[-1]
    assert told.subject == "New sign-in to your account"
    assert "203.0.113.7" in told.text
    assert "Lynx/2.9" in told.html
    before = len(site.outbox.mails)
    await site.sign_in(person, device=first.json()["device"], ip=fresh_ip(), headers={"User-Agent": "Mosaic/1"})
    await site.sign_in(person, ip="203.0.113.7", headers={"User-Agent": "Lynx/2.9"})
    await site.drain()
    assert len(site.outbox.mails) == before


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("de-AT", "Ihr Passwort wurde geändert"),
        ("es", "Su contraseña ha cambiado"),
        ("fr-CA", "Votre mot de passe a été modifié"),
        ("pt", "Your password was changed"),
    ],
)
async def test_people_are_told_in_their_own_language(site: Site, language: str, subject: str) -> None:
    person = await site.open_account(headers={"Accept-Language": language})
    await site.post("/v1/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD}, headers=person.bearer)
    await site.drain()
    assert site.outbox.to(person.email)[-1].subject == subject


def test_every_language_has_every_mail() -> None:
    wanted = set(NoticeKind.__args__) | {"verification", "account_exists", "password_reset_link"}  # type: ignore[attr-defined]
    for language in LANGUAGES:
        texts = texts_of(language)
        assert texts.locale == language
        assert set(texts.mails) >= wanted
        assert set(texts.phrases) == {"greeting", "footer", "details", "secure", "unknown"}
    english = json.loads((TEXTS / "en.json").read_text(encoding="utf-8"))
    for path in TEXTS.glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8")).keys() == english.keys(), path


async def test_a_name_cannot_lead_readers_of_a_mail_elsewhere(site: Site) -> None:
    email = fresh_email()
    body = {"email": email, "password": PASSWORD, "name": "You won! https://evil.example/x <b>", "workspace_name": "W"}
    await site.post("/v1/auth/sign-up", body)
    await site.drain()
    mail = site.outbox.to(email)[-1]
    assert "evil.example" not in mail.text
    assert "<b>" not in mail.html
    assert mail.html.count("<a ") == 1
