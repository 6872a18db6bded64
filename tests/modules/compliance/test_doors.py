"""The doors of the trail: members who may read, filter and export it, and stand in it for having done so."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp
from tests.conftest import ContextMaker
from tests.customers import Customer, customer_at, visitor_at

from nexusone.platform.audit import INSTALLATION, record
from nexusone.platform.audit.reading import Entry, Wanted, list_entries
from nexusone.platform.origin import ANONYMOUS
from nexusone.platform.runtime import Context, Runtime


async def act(ctx: Context, *objects: str, action: str = "trial.kettle.changed") -> None:
    for name in objects:
        async with ctx.transaction("billing") as tx:
            await record(tx, action=action, object_kind="kettle", object_id=name, after={"size": 1})


async def entries(ctx: Context, **wanted: Any) -> list[Entry]:
    async with ctx.transaction("platform") as tx:
        return await list_entries(tx, wanted=Wanted(**wanted), limit=1000, after=None)


@pytest.fixture
def inside(customer: Customer, make_context: ContextMaker) -> Context:
    """The customer's workspace, from behind."""
    return replace(make_context(workspace_id=customer.workspace_id), ip="192.0.2.9")


async def listed(customer: Customer, **query: Any) -> list[dict[str, Any]]:
    answer = await customer.client.get("/v1/audit", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_aud_07_the_trail_is_listed_newest_first_page_by_page(customer: Customer, inside: Context) -> None:
    await act(inside, *(str(number) for number in range(5)))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query: dict[str, str | int] = {"action": "trial", "limit": 2}
        if cursor is not None:
            query["cursor"] = cursor
        page = (await customer.client.get("/v1/audit", params=query)).json()
        seen += [item["object_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


async def test_aud_07_every_filter_narrows(customer: Customer, inside: Context) -> None:
    await act(inside, "a", "b")
    await act(inside, "a", action="trial.kettle.boiled")
    assert [item["object_id"] for item in await listed(customer, action="trial.kettle.changed")] == ["b", "a"]
    assert len(await listed(customer, action="trial.kettle")) == 3
    assert await listed(customer, action="trial.kett") == []
    assert len(await listed(customer, object_kind="kettle", object_id="a")) == 2
    assert {item["actor_id"] for item in await listed(customer, actor=str(inside.principal.id))} == {str(inside.principal.id)}
    later = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    assert await listed(customer, **{"from": later}) == []
    assert len(await listed(customer, action="trial", to=later)) == 3
    (entry,) = await listed(customer, action="trial.kettle.boiled")
    assert (entry["ip"], entry["changes"], entry["result"]) == ("192.0.2.9", {"size": {"after": 1}}, "done")


async def test_aud_07_reading_and_exporting_are_audited(customer: Customer, inside: Context) -> None:
    await listed(customer, object_id="k7")
    await customer.client.get("/v1/audit/export", params={"format": "csv"})
    (reading,) = await entries(inside, action="compliance.audit.listed")
    assert reading.changes == {"object_id": {"after": "k7"}, "entries": {"after": 0}}
    assert reading.actor_kind == "user"
    (export,) = await entries(inside, action="compliance.audit.exported")
    assert export.changes == {"format": {"after": "csv"}}


async def test_aud_07_an_export_holds_every_entry_and_no_formula(customer: Customer, inside: Context) -> None:
    await act(inside, "=cmd|' /C calc'!A0", "+1", "-1", "@sum", "plain", "\tx")
    answer = await customer.client.get("/v1/audit/export", params={"format": "csv", "action": "trial"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["object_id"] for row in rows] == ["\\x09x", "plain", "'@sum", "'-1", "'+1", "'=cmd|' /C calc'!A0"]
    answer = await customer.client.get("/v1/audit/export", params={"action": "trial"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["object_id"] for line in lines] == ["\\x09x", "plain", "@sum", "-1", "+1", "=cmd|' /C calc'!A0"]


async def test_an_export_of_many_entries_comes_in_batches(customer: Customer, inside: Context) -> None:
    async with inside.transaction("billing") as tx:
        for number in range(2100):
            await record(tx, action="trial.bulk", object_kind="kettle", object_id=str(number))
    answer = await customer.client.get("/v1/audit/export", params={"action": "trial.bulk"})
    assert [json.loads(line)["object_id"] for line in answer.text.splitlines()] == [str(number) for number in reversed(range(2100))]


async def test_the_trail_is_asked_for_over_graphql(customer: Customer, inside: Context) -> None:
    await act(inside, "a", "b")
    query = 'query { audit(filter: {action: "trial"}, limit: 1) { items { action object_id changes } next_cursor } }'
    answer = await customer.client.post("/graphql", json={"query": query})
    page = answer.json()["data"]["audit"]
    assert page["items"] == [{"action": "trial.kettle.changed", "object_id": "b", "changes": {"size": {"after": 1}}}]
    assert page["next_cursor"]


async def test_another_workspace_sees_nothing_of_it(customer: Customer, inside: Context, application: ASGIApp) -> None:
    await act(inside, "mine")
    async with customer_at(application) as stranger:
        assert await listed(stranger, action="trial") == []
        answer = await stranger.client.get("/v1/audit/export")
        assert "mine" not in answer.text


@pytest.mark.parametrize("path", ["/v1/audit", "/v1/audit/export"])
async def test_aud_02_a_refused_permission_is_a_security_event(
    customer: Customer, inside: Context, application: ASGIApp, path: str
) -> None:
    key = await customer.api_key("contacts:read")
    async with visitor_at(application) as machine:
        answer = await machine.get(path, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 403
    (refused,) = await entries(inside, action="access.forbidden")
    assert refused.object_id == ("compliance.list_audit" if path == "/v1/audit" else "compliance.export_audit")
    assert (refused.actor_kind, refused.result) == ("api_key", "refused")
    assert refused.changes["permission"]["after"].startswith("audit:")


async def test_aud_02_a_permission_refused_over_graphql_is_a_security_event(
    customer: Customer, inside: Context, application: ASGIApp
) -> None:
    key = await customer.api_key("contacts:read")
    async with visitor_at(application) as machine:
        await machine.post("/graphql", headers={"Authorization": f"Bearer {key}"}, json={"query": "{ audit { next_cursor } }"})
    (refused,) = await entries(inside, action="access.forbidden")
    assert refused.object_id == "graphql.graphql"


async def test_aud_02_a_credential_that_does_not_hold_is_a_security_event_told_once_a_minute(
    visitor: httpx2.AsyncClient, runtime: Runtime
) -> None:
    for _ in range(3):
        await visitor.get("/v1/audit", headers={"Authorization": "Bearer nx_test_nonsense"})
    answer = await visitor.get("/v1/audit", headers={"Authorization": "Bearer nx_test_nonsense"})
    assert answer.status_code == 401
    nobody = Context(runtime=runtime, workspace_id=INSTALLATION, principal=ANONYMOUS, request_id="test")
    found = [entry for entry in await entries(nobody, action="access.unauthenticated") if entry.ip == _ip_of(visitor)]
    assert [entry.object_id for entry in found] == ["compliance.list_audit"]


async def test_aud_02_input_that_is_refused_is_a_security_event(customer: Customer, inside: Context) -> None:
    answer = await customer.client.get("/v1/audit", params={"limit": "0"})
    assert answer.status_code == 422
    (refused,) = await entries(inside, action="access.invalid_input")
    assert refused.object_id == "compliance.list_audit"


async def test_aud_02_a_spent_limit_is_a_security_event(application: ASGIApp, runtime: Runtime) -> None:
    async with visitor_at(application) as flooder:
        statuses = {(await flooder.get("/v1/audit")).status_code for _ in range(400)}
    assert 429 in statuses
    nobody = Context(runtime=runtime, workspace_id=INSTALLATION, principal=ANONYMOUS, request_id="test")
    found = [entry for entry in await entries(nobody, action="access.rate_limited") if entry.ip == _ip_of(flooder)]
    assert len(found) == 1


def _ip_of(client: httpx2.AsyncClient) -> str:
    transport = client._transport
    assert isinstance(transport, httpx2.ASGITransport)
    return str(transport.client[0])
