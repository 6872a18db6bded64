"""TEN-13: a deleted workspace is exported first, waits for its grace, and leaves nothing."""

import json
from datetime import timedelta

import psycopg
import pytest
from tests.modules.identity.accounts.conftest import SiteMaker
from tests.modules.identity.tokens import secret_of
from tests.modules.identity.workspaces.companies import Company

from nexusone.modules.identity.service.deletion import erase_due
from nexusone.platform.erasure import list_tables

SEGMENT = {"name": "CANARY-SEGMENT", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}
TEMPLATE = {
    "name": "CANARY-TEMPLATE",
    "channel": "email",
    "default_locale": "en",
    "variants": {"en": {"subject": "Sale", "mjml": "<mjml><mj-body><mj-text>Hello</mj-text></mj-body></mjml>"}},
}


async def fill(company: Company) -> None:
    """Rows in several modules, and a file."""
    for path, body in (
        ("/v1/segments", SEGMENT),
        ("/v1/templates", TEMPLATE),
        ("/v1/contacts", {"email": "canary@example.com", "first_name": "CANARY-NAME"}),
        ("/v1/roles", {"name": "CANARY-ROLE", "permissions": ["segments:read"]}),
    ):
        answer = await company.ask("POST", path, body, headers={"Idempotency-Key": f"{path}-1"})
        assert answer.status_code == 201, answer.text
    await company.join("marketer")
    await company.api_key()
    await company.site.runtime.blobs.put(company.workspace_id, "logo.txt", b"CANARY-FILE", "text/plain")


def rows_by_table(company: Company) -> dict[str, int]:
    """How many rows of the workspace there are, over all tables that have a workspace_id."""
    with psycopg.connect(company.site.admin_url) as connection:
        tables = connection.execute("select schema_name || '.' || table_name from platform.list_workspace_tables()").fetchall()
        counts = {}
        for (table,) in tables:
            found = connection.execute(f"select count(*) from {table} where workspace_id = %s", (company.workspace_id,)).fetchone()
            counts[table] = found[0] if found else 0
        jobs = connection.execute(
            "select count(*) from queue.pgqueuer where headers ->> 'workspace_id' = %s", (str(company.workspace_id),)
        ).fetchone()
    return {table: count for table, count in {**counts, "queue": jobs[0] if jobs else 0}.items() if count}


async def test_ten_13_after_the_grace_no_row_and_no_file_is_left(company: Company) -> None:
    other = Company(company.site, await company.site.open_account())
    await fill(company)
    await fill(other)
    planned = await company.ask("POST", "/v1/workspace/deletion", {"name": "Compilers"})
    assert (planned.status_code, planned.json()["state"]) == (202, "to_be_deleted")
    system = company.site.runtime.system()
    await erase_due(system)
    before, others = rows_by_table(company), rows_by_table(other)
    assert {"audience.segment", "marketing.template", "identity.member", "platform.event", "platform.audit_entry"} <= before.keys()
    company.site.clock.move(timedelta(days=7, seconds=1))
    await company.site.drain()
    await erase_due(system)
    assert rows_by_table(company) == {}
    assert [entry.key async for entry in company.site.runtime.blobs.list_blobs(company.workspace_id)] == []
    assert {table: rows_by_table(other).get(table, 0) for table in others if table != "queue"} == {
        table: count for table, count in others.items() if table != "queue"
    }
    assert (await company.ask("GET", "/v1/me")).status_code == 401
    await erase_due(system)


async def test_ten_13_a_plan_can_be_called_off_and_rests_meanwhile(company: Company) -> None:
    assert (await company.ask("DELETE", "/v1/workspace/deletion")).json()["code"] == "identity.deletion_not_planned"
    await company.ask("POST", "/v1/workspace/deletion", {"name": "Compilers"})
    assert (await company.ask("POST", "/v1/segments", SEGMENT)).json()["code"] == "auth.workspace_suspended"
    kept = await company.ask("DELETE", "/v1/workspace/deletion")
    assert kept.json()["state"] == "active"
    company.site.clock.move(timedelta(days=8))
    await erase_due(company.site.runtime.system())
    assert rows_by_table(company)["identity.workspace"] == 1


@pytest.mark.parametrize("name", ["compilers", "Other"])
async def test_the_wrong_name_deletes_nothing(company: Company, name: str) -> None:
    refused = await company.ask("POST", "/v1/workspace/deletion", {"name": name})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/name")


async def test_authn_17_deletion_and_export_need_a_fresh_proof(company: Company) -> None:
    company.site.clock.move(timedelta(minutes=6))
    for method, path, body in (
        ("POST", "/v1/workspace/deletion", {"name": "Compilers"}),
        ("POST", "/v1/workspace/export", None),
        ("GET", "/v1/workspace/export", None),
    ):
        assert (await company.ask(method, path, body)).json()["code"] == "identity.step_up_needed"


async def test_the_export_has_a_file_a_table_without_secrets_behind_signed_links(make_site: SiteMaker) -> None:
    site = make_site(requires_verification=False)
    company = Company(site, await site.open_account())
    await fill(company)
    secret = secret_of((await company.api_key())["secret"])
    assert (await company.ask("GET", "/v1/workspace/export")).json()["code"] == "identity.export_not_ready"
    await company.ask("POST", "/v1/workspace/deletion", {"name": "Compilers"})
    await site.drain()
    export = (await company.ask("GET", "/v1/workspace/export")).json()
    files = {file["table"]: file for file in export["files"]}
    assert {"audience.contact", "marketing.template", "identity.member", "identity.api_key"} <= files.keys()
    assert "platform.data_key" not in files
    texts = {}
    for table, file in files.items():
        answer = await site.get(file["url"].split("8000", 1)[-1] if "8000" in file["url"] else file["url"])
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"].startswith("attachment")
        assert len(answer.content) == file["size_bytes"]
        texts[table] = answer.text
    contacts = [json.loads(line) for line in texts["audience.contact"].splitlines()]
    assert [contact["first_name"] for contact in contacts] == ["CANARY-NAME"]
    assert {contact["workspace_id"] for contact in contacts} == {str(company.workspace_id)}
    assert "secret_hash" not in texts["identity.api_key"]
    assert secret not in "".join(texts.values())


async def test_a_link_is_bound_to_its_file_and_its_time(company: Company) -> None:
    await company.ask("POST", "/v1/workspace/export")
    await company.site.drain()
    url = (await company.ask("GET", "/v1/workspace/export")).json()["files"][0]["url"].split("8000", 1)[-1]
    assert (await company.site.get(url)).status_code == 200
    assert (await company.site.get(url[:-2] + "AA")).status_code == 403
    company.site.clock.move(timedelta(hours=25))
    assert (await company.site.get(url)).json()["code"] == "blob.link_refused"


async def test_ten_13_every_table_with_a_workspace_is_known_to_the_erasure(company: Company) -> None:
    known = {f"{table.schema_name}.{table.table_name}" for table in await list_tables(company.site.runtime.system(company.workspace_id))}
    with psycopg.connect(company.site.admin_url) as connection:
        found = connection.execute(
            """
            select table_schema || '.' || table_name from information_schema.columns as c
            join information_schema.tables as t using (table_schema, table_name)
            where column_name = 'workspace_id' and t.table_type = 'BASE TABLE'
            """
        ).fetchall()
    assert {name for (name,) in found} - known == set()
