"""The rules of tenancy that are not asked route by route: catalog, settings, keys, files, events, neighbours."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg import sql as psql
from tests.architecture import catalog_rules
from tests.architecture.source import ROOT
from tests.conftest import TestDatabase
from tests.customers import no_lifespan, visitor_at
from tests.tenancy.companies import Company
from tests.tenancy.deployments import Deployment, Walls, World, copied, deployed
from tests.tenancy.test_walls import acting

from nexusone.apps.compose import composed
from nexusone.kernel.contract import Contract
from nexusone.kernel.errors import RateLimited
from nexusone.kernel.ids import new_id
from nexusone.platform.blobs import BlobKeyRefused, BlobLinkRefused, sign_link, verify_link
from nexusone.platform.events import find_event, list_events_after
from nexusone.platform.jobs import JobKind, enqueue
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context
from nexusone.web.files import LINK_PURPOSE
from nexusone.web.security_trail import SecurityTrail


class Trial(Contract):
    """A job that nobody runs."""


async def _left_alone(ctx: Context, work: Trial) -> None:
    raise AssertionError(work)


TRIAL = JobKind(name="trial.same_key", payload=Trial, handler=_left_alone)

Companies = tuple[Company, Company]
SESSION_SETTING = re.compile(
    r"\bset\s+(session\s+)?(role|nexusone\.|session\s+authorization)|set_config\([^)]*,\s*false\s*\)", re.IGNORECASE
)
DEFINERS = """
select p.oid::regprocedure::text, r.rolname
from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
join pg_roles as r on r.rolname ~ '^m_' and has_function_privilege(r.oid, p.oid, 'execute') and has_schema_privilege(r.oid, n.oid, 'usage')
where p.prosecdef and p.prorettype <> 'trigger'::regtype and n.nspname !~ '^pg_' order by 1
"""


def _broken(copy: TestDatabase, *rules: catalog_rules.Rule) -> list[str]:
    with psycopg.connect(copy.admin_url) as admin:
        return [fault for rule in rules for fault in rule(admin)]


def test_ten_02_every_table_with_a_workspace_stands_behind_the_wall(copy: TestDatabase) -> None:
    assert _broken(copy, catalog_rules.tables_of_no_workspace, catalog_rules.walls_missing) == []


def test_ten_04_nothing_sets_role_or_workspace_for_longer_than_a_transaction() -> None:
    files = [path for kind in ("py", "sql") for path in (ROOT / "src").rglob(f"*.{kind}")]
    # Migrations run on a connection of their own, which nobody else gets.
    found = [path.name for path in files if path.name != "schema.py" and SESSION_SETTING.search(path.read_text(encoding="utf-8"))]
    assert found == []


async def test_ten_04_a_connection_goes_back_to_the_pool_as_nobody(deployment: Deployment) -> None:
    ours, _ = deployment.companies
    async with deployment.client_of(ours) as client:
        await client.get("/v1/contacts")
    database = deployment.composition.runtime.database
    async with database._pool.connection() as connection:
        cursor = await connection.execute("select current_user, current_setting('nexusone.workspace', true)")
        assert await cursor.fetchone() in (("nexusone_app", ""), ("nexusone_app", None))


def test_ten_06_keys_and_references_begin_with_the_workspace(copy: TestDatabase) -> None:
    assert _broken(copy, catalog_rules.keys_without_workspace, catalog_rules.foreign_keys_without_workspace) == []


def test_ten_06_a_row_cannot_refer_to_another_workspaces(copy: TestDatabase, companies: Companies) -> None:
    ours, theirs = companies
    with psycopg.connect(copy.admin_url) as admin, pytest.raises(psycopg.errors.ForeignKeyViolation):
        admin.execute(
            "update identity.sso_domain set connection_id = %s where workspace_id = %s", (theirs.ids["connection_id"], ours.workspace_id)
        )


def test_ten_07_views_and_functions_are_nobodys_back_door(copy: TestDatabase) -> None:
    assert _broken(copy, catalog_rules.loose_views, catalog_rules.loose_functions) == []


def test_ten_09_a_function_that_runs_as_its_owner_serves_the_workspace_it_is_called_in(copy: TestDatabase, companies: Companies) -> None:
    ours, theirs = companies
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        definers = admin.execute(DEFINERS).fetchall()
        for signature, role in definers:
            name, _, kinds = signature.partition("(")
            values = {"uuid": theirs.workspace_id, "bigint": 10, "text": "contact"}
            given = [values[kind] for kind in kinds.rstrip(")").split(",")]
            call = psql.SQL("select * from {}({})").format(psql.SQL(name), psql.SQL(", ").join(map(psql.Literal, given)))
            with pytest.raises(psycopg.errors.RaiseException), acting(admin, role, ours.workspace_id):
                admin.execute(call)
    assert len(definers) > 10


async def test_ten_11_a_link_to_a_file_opens_no_other_workspaces(deployment: Deployment) -> None:
    ours, theirs = deployment.companies
    runtime = deployment.composition.runtime
    keys, until = runtime.keys.signing_keys(LINK_PURPOSE), runtime.clock.now() + timedelta(hours=1)
    found = [entry.key async for entry in runtime.blobs.list_blobs(theirs.workspace_id)]
    assert len(found) > 10
    async with visitor_at(deployment.app) as visitor:
        for key in found:
            # Of the same name, and not the same file.
            answer = await visitor.get(f"/v1/files/{sign_link(ours.workspace_id, key, expires_at=until, keys=keys)}")
            assert theirs.mark not in answer.text
            with pytest.raises(BlobKeyRefused):
                sign_link(ours.workspace_id, f"../{theirs.workspace_id}/{key}", expires_at=until, keys=keys)
        link = sign_link(theirs.workspace_id, found[0], expires_at=until, keys=keys)
        assert (await visitor.get(f"/v1/files/{link}")).is_success
    with pytest.raises(BlobLinkRefused):
        verify_link(_elsewhere(link, ours.workspace_id), now=runtime.clock.now(), keys=keys)


def _elsewhere(link: str, workspace_id: UUID) -> str:
    return workspace_id.hex[:8] + link[8:]


async def test_ten_11_events_are_followed_in_ones_own_workspace(deployment: Deployment) -> None:
    ours, theirs = deployment.companies
    with psycopg.connect(deployment.database.admin_url) as admin:
        asked = "select id from platform.event where workspace_id = %s order by id limit 1"
        row = admin.execute(asked, (theirs.workspace_id,)).fetchone()
    assert row is not None
    principal = Principal(kind="user", id=new_id(), permissions=frozenset({"*"}))
    ctx = Context(runtime=deployment.composition.runtime, workspace_id=ours.workspace_id, principal=principal, request_id="test")
    assert await find_event(ctx, event_id=row[0]) is None
    followed = await list_events_after(ctx, after=row[0], limit=1000)
    assert not any(theirs.mark in str(event.payload) or str(theirs.workspace_id) in str(event.payload) for event in followed)
    assert followed == await list_events_after(ctx, after=row[0], limit=1000)


def test_ten_11_counters_jobs_and_channels_carry_the_workspace(copy: TestDatabase) -> None:
    with psycopg.connect(copy.admin_url) as admin:
        jobs = admin.execute("select entrypoint from queue.pgqueuer where headers ->> 'workspace_id' is null").fetchall()
        locks = admin.execute(
            "select proname from pg_proc where prosrc ~ 'advisory' and pronamespace::regnamespace::text !~ '^pg_'"
        ).fetchall()
    assert jobs == []
    assert locks == []


async def test_ten_11_the_same_key_of_a_job_is_another_in_another_workspace(copy: TestDatabase, world: World) -> None:
    async with composed(world.settings, url=copy.url, keys=world.keys, ports=world.ports) as made:
        contexts = [made.runtime.system(company.workspace_id) for company in world.companies]
        for ctx in contexts * 2:
            async with ctx.transaction("identity") as tx:
                await enqueue(tx, TRIAL, Trial(), key="the same")
    with psycopg.connect(copy.admin_url) as admin:
        asked = "select headers ->> 'workspace_id' from queue.pgqueuer where entrypoint = %s order by id"
        left = admin.execute(asked, (TRIAL.name,)).fetchall()
        admin.execute("delete from queue.pgqueuer where entrypoint = %s", (TRIAL.name,))
    assert left == [(str(ctx.workspace),) for ctx in contexts]


async def test_ten_11_a_data_key_of_the_same_purpose_is_another_in_another_workspace(deployment: Deployment) -> None:
    vault, (ours, theirs) = deployment.composition.runtime.vault, deployment.companies
    found = [await vault.key_of(company.workspace_id) for company in (ours, theirs, ours, theirs)]
    assert found[0] is found[2]
    assert found[1] is found[3]
    assert [key.workspace_id for key in found[:2]] == [ours.workspace_id, theirs.workspace_id]


async def test_ten_11_who_is_limited_in_two_workspaces_is_told_to_both(deployments: Mapping[Walls, Deployment]) -> None:
    deployment = deployments["both walls"]
    runtime, person, trail = deployment.composition.runtime, Principal(kind="user", id=new_id(), permissions=frozenset()), SecurityTrail()
    with psycopg.connect(deployment.database.admin_url) as admin:
        asked = "select count(*) from platform.audit_entry where workspace_id = %s and object_id = %s"
        for company in deployment.companies:
            ctx = Context(runtime=runtime, workspace_id=company.workspace_id, principal=person, request_id="test")
            for _ in range(2):
                await trail.note(ctx, RateLimited(), operation=f"trial {person.id}")
            assert admin.execute(asked, (company.workspace_id, f"trial {person.id}")).fetchone() == (1,)


async def test_ten_11_the_numbers_of_a_process_name_no_workspace_and_nobody_in_it(deployment: Deployment) -> None:
    for company in deployment.companies:
        async with deployment.client_of(company) as client:
            assert (await client.get("/v1/contacts")).is_success
            assert (await client.get(f"/v1/contacts/{company.ids['contact_id']}")).status_code in (200, 404)
            shown = (await client.get("/metrics")).text
        assert "/v1/contacts/{contact_id}" in shown
        assert company.mark not in shown
        assert not any(str(value) in shown for value in (company.workspace_id, *company.ids.values()))


async def test_ten_12_a_neighbour_that_spends_its_limit_leaves_the_others_theirs(world: World) -> None:
    ours, theirs = world.companies
    narrow = replace(world, settings=world.settings.model_copy(update={"rate_limit": "20/minute"}))
    with copied(narrow) as database:
        with psycopg.connect(database.admin_url) as admin:
            # What the companies used up while they grew.
            admin.execute("delete from platform.rate_limit")
        async with (
            composed(narrow.settings, url=database.url, keys=world.keys, ports=world.ports) as made,
            visitor_at(made.application(lifespan=no_lifespan)) as client,
        ):
            loud, quiet = ({"Authorization": f"Bearer {company.token}"} for company in (theirs, ours))
            statuses = [(await client.get("/v1/segments", headers=loud)).status_code for _ in range(40)]
            assert set(statuses) == {200, 429}
            assert (await client.get("/v1/segments", headers=quiet)).status_code == 200


async def test_ten_10_without_any_wall_the_proof_would_see_it(world: World) -> None:
    # Otherwise nobody would know that the seam reaches every statement.
    async with deployed(world, "queries alone") as fallen:
        ours, theirs = fallen.companies
        async with fallen.client_of(ours) as client:
            with replace(fallen, walls="row security alone").spoofed():
                answer = await client.get(f"/v1/contacts/{theirs.ids['contact_id']}")
                listed = await client.get("/v1/templates")
    assert answer.status_code == 200
    assert theirs.mark in answer.text
    assert theirs.mark in listed.text
