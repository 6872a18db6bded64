"""Signing in through a provider: who gets in, and how every trick with the way back fails."""

import asyncio
from collections import Counter
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.modules.identity.sso.companies import COOKIE, Company, DriftingClock, claims_of, come_back
from tests.modules.identity.tokens import secret_of

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.domain.sso import pkce_challenge


def with_query(location: str, **changes: str | None) -> str:
    """The redirect with other parameters."""
    parts = urlsplit(location)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return f"{parts.path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


async def test_somebody_new_becomes_a_member_with_the_default_role(company: Company) -> None:
    await company.connect(default_role="analyst")
    answer = await company.come("ada")
    claims = claims_of(answer)
    assert claims["amr"] == ["sso"]
    assert claims["ws"] == str(company.workspace_id)
    assert answer.json()["user"]["email"] == f"ada@{company.domain}"
    me = await company.owner.client.get("/v1/me", headers={"Authorization": f"Bearer {answer.json()['access_token']}"})
    assert me.json()["user"]["name"] == "Ada"
    assert "segments:write" in me.json()["permissions"]
    assert "sso:write" not in me.json()["permissions"]


async def test_the_same_person_is_the_same_user_whatever_their_address_says_later(company: Company) -> None:
    await company.connect()
    first = claims_of(await company.come("ada"))
    await company.provider.people(company.person("ada", email=f"countess@{company.domain}"))
    assert claims_of(await company.come("ada"))["sub"] == first["sub"]


async def test_authn_20_the_request_carries_pkce_s256_nonce_and_state_and_each_is_new(
    company: Company, visitor: httpx2.AsyncClient
) -> None:
    await company.connect()
    ways = [await company.begin(visitor) for _ in range(3)]
    for way in ways:
        assert way.asked["response_type"] == "code"
        assert way.asked["code_challenge_method"] == "S256"
        assert way.asked["redirect_uri"].endswith(f"/auth/sso/{company.connection_id}/callback")
    for name in ("state", "nonce", "code_challenge"):
        assert len({way.asked[name] for way in ways}) == 3
        assert all(len(way.asked[name]) >= 43 for way in ways)


def test_the_pkce_challenge_is_the_one_of_rfc_7636() -> None:
    assert pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_authn_21_the_cookie_is_locked_to_this_host_and_unreadable_for_scripts(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    answer = await visitor.post("/v1/auth/sso/start", json={"connection_id": company.connection_id})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}={answer.json()['binding']};")
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=600"):
        assert attribute in cookie
    assert "Domain" not in cookie


async def test_authn_20_a_state_works_once(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    way = await company.begin(visitor)
    location = await company.provider.choose(way, "ada")
    answers = await asyncio.gather(*(come_back(visitor, location, way.binding) for _ in range(8)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 7}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 401} == {"identity.sso_attempt_over"}


async def test_authn_20_a_state_is_over_after_ten_minutes(company: Company, visitor: httpx2.AsyncClient, clock: DriftingClock) -> None:
    await company.connect()
    way = await company.begin(visitor)
    location = await company.provider.choose(way, "ada")
    clock.ahead = timedelta(minutes=10, seconds=1)
    assert (await come_back(visitor, location, way.binding)).json()["code"] == "identity.sso_attempt_over"


async def test_authn_20_only_the_browser_that_began_comes_back(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    way, others = await company.begin(visitor), await company.begin(visitor)
    location = await company.provider.choose(way, "ada")
    forged = way.binding[:-1] + ("A" if way.binding[-1] != "A" else "B")
    for binding in (None, others.binding, forged, "nonsense", way.asked["state"]):
        refused = await come_back(visitor, location, binding)
        assert (refused.status_code, refused.json()["code"]) == (401, "identity.sso_attempt_over")
    assert (await come_back(visitor, location, way.binding)).status_code == 200


async def test_authn_20_a_swapped_or_missing_state_is_refused(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    way, other_way = await company.begin(visitor), await company.begin(visitor)
    location = await company.provider.choose(way, "ada")
    for state in (other_way.asked["state"], None, "", "nxs_short", way.binding):
        refused = await come_back(visitor, with_query(location, state=state), way.binding)
        assert refused.json()["code"] == "identity.sso_attempt_over"


async def test_authn_20_a_code_of_another_sign_in_is_refused_by_pkce_and_nonce(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    victim, attacker = await company.begin(visitor), await company.begin(visitor)
    stolen = parse_qs(urlsplit(await company.provider.choose(victim, "grace")).query)["code"][0]
    own = await company.provider.choose(attacker, "alan")
    refused = await come_back(visitor, with_query(own, code=stolen), attacker.binding)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.sso_denied")


async def test_authn_20_an_answer_at_another_connections_door_is_refused(
    company: Company, other: Company, visitor: httpx2.AsyncClient
) -> None:
    await company.connect()
    await other.connect()
    way = await company.begin(visitor)
    location = (await company.provider.choose(way, "ada")).replace(company.connection_id, other.connection_id)
    assert (await come_back(visitor, location, way.binding)).json()["code"] == "identity.sso_attempt_over"


@pytest.mark.parametrize("mode", ["wrong_iss_parameter", "no_iss_parameter"])
async def test_authn_20_an_answer_that_does_not_name_the_asked_issuer_is_refused(company: Company, mode: str) -> None:
    await company.connect()
    await company.provider.fault(mode)
    refused = await company.come("ada")
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.sso_token_refused")


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("wrong_nonce", "nonce"),
        ("no_nonce", "nonce"),
        ("wrong_audience", "aud"),
        ("foreign_party", "aud"),
        ("expired", "exp"),
        ("issued_in_future", "iat"),
        ("issued_long_ago", "iat"),
        ("other_issuer", "iss"),
        ("wrong_at_hash", "at_hash"),
        ("alg_none", "alg"),
        ("hs256_public_key", "alg"),
        ("unknown_key", "kid"),
        ("forged_signature", "signature"),
        ("embedded_key", "signature"),
    ],
)
async def test_authn_20_an_id_token_that_does_not_hold_signs_nobody_in(company: Company, mode: str, reason: str) -> None:
    await company.connect()
    await company.provider.fault(mode)
    refused = await company.come("ada")
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.sso_token_refused")
    assert f"({reason})" in refused.json()["detail"]
    assert claims_of(await company.come("ada"))["amr"] == ["sso"]


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("token_redirect", "identity.sso_denied"),
        ("token_error", "identity.sso_denied"),
        ("token_garbage", "identity.sso_provider_unavailable"),
        ("token_huge", "identity.sso_provider_unavailable"),
        ("keys_garbage", "identity.sso_provider_unavailable"),
    ],
)
async def test_a_provider_that_answers_badly_signs_nobody_in(company: Company, mode: str, code: str) -> None:
    await company.connect()
    await company.provider.fault(mode)
    assert (await company.come("ada")).json()["code"] == code


async def test_declining_at_the_provider_is_told_as_such(company: Company) -> None:
    await company.connect()
    refused = await company.come("")
    assert refused.json()["code"] == "identity.sso_denied"
    assert "access_denied" in refused.json()["detail"]


async def test_keys_that_rotate_are_found_at_the_next_sign_in(company: Company, clock: DriftingClock) -> None:
    await company.connect()
    claims_of(await company.come("ada"))
    for keeps_old in (True, False):
        clock.ahead += timedelta(seconds=11)
        await company.provider.rotate(keeps_old=keeps_old)
        claims_of(await company.come("ada"))


async def test_unknown_key_ids_do_not_make_us_ask_for_keys_again_and_again(company: Company) -> None:
    await company.connect()
    claims_of(await company.come("ada"))
    asked = await company.provider.keys_asked()
    await company.provider.fault("unknown_key", times=4)
    for _ in range(4):
        assert (await company.come("ada")).status_code == 401
    assert await company.provider.keys_asked() == asked


async def test_a_retired_key_is_not_accepted_for_longer_than_keys_are_kept(company: Company, clock: DriftingClock) -> None:
    await company.connect()
    claims_of(await company.come("ada"))
    asked = await company.provider.keys_asked()
    clock.ahead = timedelta(seconds=50)
    claims_of(await company.come("ada"))
    assert await company.provider.keys_asked() == asked


async def test_an_address_that_is_only_told_by_userinfo_is_taken(company: Company) -> None:
    await company.connect()
    await company.provider.fault("no_email")
    answer = await company.come("ada")
    assert answer.json()["user"]["email"] == f"ada@{company.domain}"


async def test_the_session_is_given_once_and_only_after_the_return(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    way = await company.begin(visitor)
    early = await visitor.post("/v1/auth/sso/finish", json={"binding": way.binding})
    assert early.json()["code"] == "identity.sso_attempt_over"
    await come_back(visitor, await company.provider.choose(way, "ada"), way.binding)
    finishes = await asyncio.gather(*(visitor.post("/v1/auth/sso/finish", json={"binding": way.binding}) for _ in range(5)))
    assert Counter(answer.status_code for answer in finishes) == {200: 1, 401: 4}


async def test_the_session_waits_two_minutes(company: Company, visitor: httpx2.AsyncClient, clock: DriftingClock) -> None:
    await company.connect()
    way = await company.begin(visitor)
    await come_back(visitor, await company.provider.choose(way, "ada"), way.binding)
    clock.ahead = timedelta(seconds=121)
    assert (await visitor.post("/v1/auth/sso/finish", json={"binding": way.binding})).status_code == 401


async def test_a_state_opens_no_session(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    way = await company.begin(visitor)
    await come_back(visitor, await company.provider.choose(way, "ada"), way.binding)
    assert (await visitor.post("/v1/auth/sso/finish", json={"binding": way.asked["state"]})).status_code == 401
    with_cookie = await visitor.post("/v1/auth/sso/finish", json={}, headers={"Cookie": f"{COOKIE}={way.binding}"})
    assert with_cookie.status_code == 200


async def test_a_form_from_another_site_cannot_finish(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    way = await company.begin(visitor)
    await come_back(visitor, await company.provider.choose(way, "ada"), way.binding)
    for media in ("text/plain", "application/x-www-form-urlencoded"):
        refused = await visitor.post(
            "/v1/auth/sso/finish", content=b"{}", headers={"Content-Type": media, "Cookie": f"{COOKIE}={way.binding}"}
        )
        assert refused.status_code == 415


async def test_the_browser_goes_back_only_to_an_address_of_the_product(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    for address in (
        "https://evil.example.com/",
        "http://127.0.0.1:8000@evil.example.com/",
        "http://user@127.0.0.1:8000/",
        "http://127.0.0.1:9/",
        "https://127.0.0.1:8000/",
        "http://127.0.0.1:8000.evil.example.com/",
        "http://127.0.0.1:8000/#fragment",
        "http://127.0.0.1:8000\\@evil.example.com",
    ):
        refused = await visitor.post("/v1/auth/sso/start", json={"connection_id": company.connection_id, "return_to": address})
        assert refused.status_code == 422, address
    way = await company.begin(visitor, return_to="http://127.0.0.1:8000/console/in?x=1")
    returned = await come_back(visitor, await company.provider.choose(way, "ada"), way.binding)
    assert (returned.status_code, returned.headers["Location"]) == (303, "http://127.0.0.1:8000/console/in?x=1&sso=done")


async def test_a_failure_goes_along_to_where_the_browser_wanted(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    await company.provider.fault("expired")
    way = await company.begin(visitor, return_to="http://127.0.0.1:8000/in")
    returned = await come_back(visitor, await company.provider.choose(way, "ada"), way.binding)
    assert returned.headers["Location"] == "http://127.0.0.1:8000/in?sso_error=identity.sso_token_refused"


async def test_an_address_finds_the_connection_by_its_proved_domain_alone(
    company: Company, other: Company, visitor: httpx2.AsyncClient
) -> None:
    await company.connect()
    found = await visitor.post("/v1/auth/sso/start", json={"email": f"Anybody@{company.domain.upper()}"})
    assert found.status_code == 200
    assert company.connection_id in found.json()["authorization_url"]
    await other.connect(is_proved=False)
    for wanted in ({"email": f"a@{other.domain}"}, {"email": "a@nowhere.example.org"}, {"connection_id": str(new_id())}):
        assert (await visitor.post("/v1/auth/sso/start", json=wanted)).json()["code"] == "identity.sso_not_set_up"
    for wanted in ({}, {"email": f"a@{company.domain}", "connection_id": company.connection_id}):
        assert (await visitor.post("/v1/auth/sso/start", json=wanted)).status_code == 422


async def test_a_switched_off_connection_signs_nobody_in(company: Company, visitor: httpx2.AsyncClient) -> None:
    await company.connect()
    way = await company.begin(visitor)
    location = await company.provider.choose(way, "ada")
    proved = await company.begin(visitor)
    assert (await come_back(visitor, await company.provider.choose(proved, "ada"), proved.binding)).status_code == 200
    assert (await company.change(is_enabled=False)).status_code == 200
    assert (await come_back(visitor, location, way.binding)).status_code == 401
    assert (await visitor.post("/v1/auth/sso/finish", json={"binding": proved.binding})).status_code == 401
    assert (await visitor.post("/v1/auth/sso/start", json={"connection_id": company.connection_id})).status_code == 404


async def test_a_second_factor_at_the_provider_counts_where_the_workspace_honours_it(company: Company) -> None:
    await company.connect()
    assert claims_of(await company.come("grace"))["amr"] == ["sso"]
    await company.change(honours_mfa=True)
    assert claims_of(await company.come("grace"))["amr"] == ["sso", "mfa"]
    assert claims_of(await company.come("ada"))["amr"] == ["sso"]


async def test_authn_13_a_dump_holds_no_state_binding_nonce_verifier_or_secret(
    company: Company, visitor: httpx2.AsyncClient, database: TestDatabase
) -> None:
    await company.connect()
    way = await company.begin(visitor)
    secrets = [secret_of(way.asked["state"]), secret_of(way.binding), way.asked["nonce"], "sandbox-secret"]
    with psycopg.connect(database.admin_url) as connection:
        for table in ("sso_connection", "sso_attempt", "sso_domain", "sso_identity"):
            text = str(connection.execute(f"select * from identity.{table}".encode()).fetchall())
            assert not any(secret in text or secret.encode().hex() in text for secret in secrets)
