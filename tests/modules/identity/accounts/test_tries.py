"""How often one may try, and why nobody can lock another out for good."""

from tests.customers import fresh_ip
from tests.modules.identity.accounts.site import NEW_PASSWORD, Person, Site, fresh_email

WRONG = "certainly not the right sentence"


async def test_authn_05_guessing_at_one_account_ends_with_429_from_wherever_it_comes(site: Site) -> None:
    person = await site.open_account()
    statuses = [(await site.sign_in(person, password=f"{WRONG} {n}")).status_code for n in range(30)]
    assert statuses[:19] == [401] * 19
    assert set(statuses[21:]) == {429}
    refused = await site.sign_in(person)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


async def test_authn_05_guessing_from_one_network_ends_with_429_whoever_is_guessed_at(site: Site) -> None:
    ip = fresh_ip()
    statuses = [(await site.sign_in(Person(fresh_email(), WRONG, {}), ip=ip)).status_code for _ in range(65)]
    assert set(statuses[:60]) == {401}
    assert set(statuses[60:]) == {429}


async def test_authn_05_a_subscriber_s_many_addresses_are_one_network(site: Site) -> None:
    answers = [(await site.sign_in(Person(fresh_email(), WRONG, {}), ip=f"2001:db8:7:8::{n:x}")).status_code for n in range(1, 66)]
    assert 429 in answers
    assert (await site.sign_in(Person(fresh_email(), WRONG, {}), ip="2001:db8:7:9::1")).status_code == 401


async def test_authn_05_a_known_device_gets_in_while_others_guess(site: Site) -> None:
    person = await site.open_account()
    device = person.session["device"]
    for n in range(30):
        await site.sign_in(person, password=f"{WRONG} {n}")
    assert (await site.sign_in(person)).status_code == 429
    assert (await site.sign_in(person, device=device)).status_code == 200
    stolen = (await site.open_account()).session["device"]
    for other in (stolen, device[:-1] + ("A" if device[-1] != "A" else "B"), "nxd_nonsense"):
        assert (await site.sign_in(person, device=other)).status_code == 429


async def test_authn_05_a_known_device_has_its_own_share_of_tries(site: Site) -> None:
    person = await site.open_account()
    statuses = [(await site.sign_in(person, password=WRONG, device=person.session["device"])).status_code for _ in range(25)]
    assert statuses[-1] == 429


async def test_authn_05_who_has_no_known_device_gets_in_through_the_mail(site: Site) -> None:
    person = await site.open_account()
    for n in range(30):
        await site.sign_in(person, password=f"{WRONG} {n}")
    await site.post("/v1/auth/password/forgot", {"email": person.email})
    chosen = await site.post("/v1/auth/password/reset", {"token": await site.mailed_token(person.email), "password": NEW_PASSWORD})
    assert (await site.sign_in(person, password=NEW_PASSWORD, device=chosen.json()["device"])).status_code == 200


async def test_authn_05_signing_in_rightly_uses_nothing_up(site: Site) -> None:
    person = await site.open_account()
    statuses = {(await site.sign_in(person)).status_code for _ in range(25)}
    assert statuses == {200}


async def test_authn_05_mails_to_one_address_and_tries_of_a_token_are_limited(site: Site) -> None:
    email = fresh_email()
    statuses = [(await site.post("/v1/auth/password/forgot", {"email": email})).status_code for _ in range(7)]
    assert statuses == [202] * 5 + [429] * 2
    token = "nxp_" + "ab" * 16 + "_" + "A" * 43
    tried = [(await site.post("/v1/auth/password/reset", {"token": token, "password": NEW_PASSWORD})).status_code for _ in range(22)]
    assert set(tried[:20]) == {401}
    assert set(tried[20:]) == {429}
