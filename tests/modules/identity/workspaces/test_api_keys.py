"""AUTHN-18: keys for machines."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from pydantic_settings import BaseSettings
from tests.customers import no_lifespan, visitor_at
from tests.modules.identity.tokens import secret_of
from tests.modules.identity.workspaces.companies import Company

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.domain.api_keys import read_api_key, write_api_key
from nexusone.modules.marketing.ports import EmailTransport
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context, Runtime, SandboxMissing
from nexusone.platform.settings import PlatformSettings


def test_authn_18_a_key_has_a_prefix_256_bits_and_a_checksum() -> None:
    text = write_api_key(mode="test", workspace_id=new_id(), key_id=new_id(), secret="s" * 43)
    assert text.startswith("nx_test_")
    read = read_api_key(text)
    assert read is not None
    for slip in (text[:-1] + ("0" if text[-1] != "0" else "1"), text.replace("sss", "ssS", 1), text + "a", text.replace("test", "live")):
        assert read_api_key(slip) is None


async def test_authn_18_the_database_holds_a_digest_and_no_answer_shows_the_secret_again(company: Company) -> None:
    made = await company.api_key()
    secret = secret_of(made["secret"])
    with psycopg.connect(company.site.admin_url) as connection:
        row = connection.execute(
            "select k::text, encode(secret_hash, 'escape') from identity.api_key as k where id = %s", (made["key"]["id"],)
        )
        stored = str(row.fetchall())
    shown = (await company.ask("GET", "/v1/api-keys")).text
    assert secret not in stored + shown


async def test_authn_18_a_key_is_scoped_and_never_does_what_needs_a_person(company: Company) -> None:
    reader = (await company.api_key("segments:read"))["secret"]
    assert (await company.ask("GET", "/v1/segments", by=reader)).status_code == 200
    assert (await company.ask("GET", "/v1/contacts", by=reader)).status_code == 403
    whole = (await company.api_key())["secret"]
    for method, path, body in (
        ("POST", "/v1/api-keys", {"name": "child"}),
        ("POST", "/v1/invitations", {"email": "x@example.com", "role": "viewer"}),
        ("POST", "/v1/workspace/deletion", {"name": "Compilers"}),
        ("POST", "/v1/workspace/export", None),
        ("POST", "/v1/roles", {"name": "R", "permissions": ["segments:read"]}),
        ("GET", "/v1/workspaces", None),
        ("POST", "/v1/auth/switch", {"workspace_id": str(company.workspace_id)}),
        ("POST", "/v1/members/leave", None),
    ):
        assert (await company.ask(method, path, body, by=whole)).status_code == 403, path


async def test_authn_18_a_key_expires_and_is_ended_at_once(company: Company) -> None:
    expires_at = (company.site.clock.now() + timedelta(hours=1)).isoformat()
    made = await company.api_key(expires_at=expires_at)
    company.site.clock.move(timedelta(hours=1, seconds=-1))
    assert (await company.ask("GET", "/v1/me", by=made["secret"])).status_code == 200
    company.site.clock.move(timedelta(seconds=2))
    assert (await company.ask("GET", "/v1/me", by=made["secret"])).status_code == 401


async def test_authn_18_an_ended_key_is_out_at_once(company: Company) -> None:
    made = await company.api_key()
    assert (await company.ask("DELETE", f"/v1/api-keys/{made['key']['id']}")).status_code == 204
    assert (await company.ask("GET", "/v1/me", by=made["secret"])).status_code == 401


async def test_authn_18_a_key_works_from_its_networks_only(company: Company) -> None:
    made = await company.api_key(allowed_networks=["203.0.113.0/24", "2001:db8::/32"])
    assert made["key"]["allowed_networks"] == ["203.0.113.0/24", "2001:db8::/32"]
    for ip, status in (("203.0.113.9", 200), ("2001:db8::7", 200), ("198.51.100.1", 401), ("10.0.0.1", 401)):
        assert (await company.ask("GET", "/v1/me", by=made["secret"], ip=ip)).status_code == status, ip
    opened = await company.ask("PATCH", f"/v1/api-keys/{made['key']['id']}", {"allowed_networks": []})
    assert opened.json()["allowed_networks"] == []
    assert (await company.ask("GET", "/v1/me", by=made["secret"], ip="198.51.100.1")).status_code == 200


@pytest.mark.parametrize("network", ["203.0.113.9/24", "nonsense", "203.0.113.0/33", ""])
async def test_a_network_is_written_properly(company: Company, network: str) -> None:
    answer = await company.ask("POST", "/v1/api-keys", {"name": "machine", "allowed_networks": [network]})
    assert answer.status_code == 422


async def test_authn_18_the_last_use_is_noted_once_a_minute(company: Company) -> None:
    made = await company.api_key()
    first = company.site.clock.now()

    async def used() -> tuple[object, object]:
        key = (await company.ask("GET", "/v1/api-keys")).json()["items"][0]
        return key["last_used_at"], key["last_used_from"]

    assert await used() == (None, None)
    await company.ask("GET", "/v1/me", by=made["secret"], ip="10.1.2.3")
    noted = await used()
    assert noted == (first.isoformat().replace("+00:00", "Z"), "10.1.2.3")
    company.site.clock.move(timedelta(seconds=59))
    await company.ask("GET", "/v1/me", by=made["secret"], ip="10.9.9.9")
    assert await used() == noted
    company.site.clock.move(timedelta(seconds=2))
    await company.ask("GET", "/v1/me", by=made["secret"], ip="10.9.9.9")
    assert (await used())[1] == "10.9.9.9"


async def test_authn_18_a_rotated_key_works_with_both_secrets_for_the_overlap(company: Company) -> None:
    made = await company.api_key()
    rotated = await company.ask("POST", f"/v1/api-keys/{made['key']['id']}/rotate", {"overlap_hours": 2})
    assert rotated.status_code == 200, rotated.text
    fresh = rotated.json()["secret"]
    assert fresh != made["secret"]
    for secret in (made["secret"], fresh):
        assert (await company.ask("GET", "/v1/me", by=secret)).status_code == 200
    company.site.clock.move(timedelta(hours=2, seconds=1))
    assert (await company.ask("GET", "/v1/me", by=made["secret"])).status_code == 401
    assert (await company.ask("GET", "/v1/me", by=fresh)).status_code == 200


async def test_authn_18_without_overlap_the_old_secret_is_out_at_once(company: Company) -> None:
    made = await company.api_key()
    await company.ask("POST", f"/v1/api-keys/{made['key']['id']}/rotate", {"overlap_hours": 0})
    assert (await company.ask("GET", "/v1/me", by=made["secret"])).status_code == 401


async def test_authn_18_a_key_gets_no_more_than_its_maker_has(company: Company) -> None:
    developer = await company.join("developer")
    refused = await company.ask("POST", "/v1/api-keys", {"name": "machine", "permissions": ["campaigns:send"]}, by=developer)
    assert (refused.status_code, refused.json()["code"]) == (403, "identity.permission_not_held")
    assert (await company.ask("POST", "/v1/api-keys", {"name": "machine"}, by=developer)).status_code == 403
    unknown = await company.ask("POST", "/v1/api-keys", {"name": "machine", "permissions": ["tea:brew"]})
    assert unknown.status_code == 422


async def test_authn_17_making_and_rotating_keys_needs_a_fresh_proof(company: Company) -> None:
    made = await company.api_key()
    company.site.clock.move(timedelta(minutes=6))
    for path, body in (("/v1/api-keys", {"name": "machine"}), (f"/v1/api-keys/{made['key']['id']}/rotate", {})):
        assert (await company.ask("POST", path, body)).json()["code"] == "identity.step_up_needed"


def _live(runtime: Runtime, *, sandbox: bool) -> Runtime:
    settings: dict[type[BaseSettings], BaseSettings] = {**runtime.settings}
    settings[PlatformSettings] = runtime.setting(PlatformSettings).model_copy(update={"mode": "live"})
    vendors: dict[type[object], object] = {**runtime.ports, EmailTransport: "the vendor"}
    simulators: dict[type[object], object] = {**runtime.ports, EmailTransport: "simulator"}
    return replace(runtime, settings=settings, ports=vendors, sandbox_ports=simulators if sandbox else None)


async def test_authn_18_test_and_live_keys_live_side_by_side_and_a_test_key_reaches_simulators_only(
    company: Company, composition: Composition
) -> None:
    live = _live(company.site.runtime, sandbox=True)
    app = replace(composition, runtime=live).application(lifespan=no_lifespan)
    async with visitor_at(app) as client:
        client.headers["Authorization"] = f"Bearer {company.owner.session['access_token']}"
        keys = {}
        for mode in ("test", "live", None):
            answer = await client.post("/v1/api-keys", json={"name": "machine", "mode": mode})
            assert answer.status_code == 201, answer.text
            keys[mode] = answer.json()
        assert {mode: made["key"]["mode"] for mode, made in keys.items()} == {"test": "test", "live": "live", None: "live"}
        for made in keys.values():
            client.headers["Authorization"] = f"Bearer {made['secret']}"
            assert (await client.get("/v1/me")).status_code == 200
    machine = Principal(kind="api_key", id=new_id(), permissions=frozenset())
    tested = Context(runtime=live, workspace_id=company.workspace_id, principal=machine, request_id="test", is_test=True)
    assert tested.port(EmailTransport) == "simulator"  # type: ignore[comparison-overlap]
    assert replace(tested, is_test=False).port(EmailTransport) == "the vendor"  # type: ignore[comparison-overlap]


async def test_authn_18_without_simulators_a_test_key_is_refused_clearly(company: Company, composition: Composition) -> None:
    key = (await company.api_key())["secret"]
    live = _live(company.site.runtime, sandbox=False)
    async with visitor_at(replace(composition, runtime=live).application(lifespan=no_lifespan)) as client:
        refused = await client.get("/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert (refused.status_code, refused.json()["code"]) == (409, "sandbox.missing")
    tested = Context(runtime=live, workspace_id=None, principal=Principal("api_key", new_id(), frozenset()), request_id="t", is_test=True)
    with pytest.raises(SandboxMissing):
        tested.port(EmailTransport)


async def test_a_sandbox_has_no_live_keys(company: Company) -> None:
    refused = await company.ask("POST", "/v1/api-keys", {"name": "machine", "mode": "live"})
    assert (refused.status_code, refused.json()["code"]) == (409, "identity.key_mode_not_served")
