"""The simulated provider holds to the protocol as strictly as a real one."""

import base64
import hashlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest

from nexusone.providers.oidc.simulator import build_app

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "response_type": "code",
    "client_id": "client",
    "redirect_uri": "https://app.example.com/back",
    "scope": "openid email",
    "state": "state",
    "nonce": "nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=build_app()), base_url="http://idp") as made:
        yield made


async def code_of(client: httpx2.AsyncClient) -> str:
    answer = await client.post("/acme/authorize", data={**ASKED, "person": "ada"})
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def trade(code: str, **changes: str) -> dict[str, str]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": ASKED["redirect_uri"], "code_verifier": VERIFIER}
    return {**form, "client_id": "client", "client_secret": "sandbox-secret", **changes}


async def test_the_token_is_signed_by_the_key_that_is_shown(client: httpx2.AsyncClient) -> None:
    metadata = (await client.get("/acme/.well-known/openid-configuration")).json()
    told = (await client.post("/acme/token", data=trade(await code_of(client)))).json()
    key = jwt.PyJWKSet.from_dict((await client.get("/acme/keys")).json()).keys[0]
    claims = jwt.decode(told["id_token"], key, algorithms=["RS256"], audience="client", issuer=metadata["issuer"])
    assert (claims["sub"], claims["nonce"]) == ("ada", "nonce")
    told_of = await client.get("/acme/userinfo", headers={"Authorization": f"Bearer {told['access_token']}"})
    assert told_of.json()["sub"] == "ada"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"redirect_uri": "https://app.example.com/elsewhere"}, "invalid_grant"),
        ({"client_id": "other"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "invalid_grant"),
    ],
)
async def test_a_code_is_traded_only_by_who_asked_for_it(client: httpx2.AsyncClient, changes: dict[str, str], error: str) -> None:
    answer = await client.post("/acme/token", data=trade(await code_of(client), **changes))
    assert answer.json() == {"error": error}


async def test_a_code_is_traded_once_and_at_its_own_issuer(client: httpx2.AsyncClient) -> None:
    code = await code_of(client)
    assert (await client.post("/other/token", data=trade(code))).status_code == 400
    assert (await client.post("/acme/token", data=trade(code))).status_code == 200
    assert (await client.post("/acme/token", data=trade(code))).status_code == 400


@pytest.mark.parametrize("name", ["code_challenge", "nonce", "state", "client_id", "redirect_uri", "response_type"])
async def test_a_request_without_what_belongs_to_it_is_refused(client: httpx2.AsyncClient, name: str) -> None:
    assert (await client.get("/acme/authorize", params={**ASKED, name: ""})).status_code == 400


async def test_the_sign_in_page_escapes_what_it_shows(client: httpx2.AsyncClient) -> None:
    page = await client.get("/acme/authorize", params={**ASKED, "state": '"><script>alert(1)</script>'})
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
