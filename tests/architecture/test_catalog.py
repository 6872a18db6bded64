"""The migrated database holds the walls by itself: row-level security, keys, roles, grants, views and functions."""

from collections.abc import Iterator

import psycopg
import pytest
from tests.architecture import catalog_rules as rules
from tests.conftest import LOGIN, TestDatabase

from nexusone.apps.catalog import MODULES, schema_parts
from nexusone.platform.audit import PERSONAL_DATA as AUDIT_PERSONAL_DATA
from nexusone.platform.schema import MACHINE_ROLES

RULES: tuple[rules.Rule, ...] = (
    rules.tables_of_no_workspace,
    rules.walls_missing,
    rules.keys_without_workspace,
    rules.foreign_keys_without_workspace,
    rules.system_scans_unlisted,
    rules.append_only_changeable,
    rules.folding_indexes,
    rules.inexact_money,
    rules.loose_views,
    rules.loose_functions,
    rules.module_privileges,
    rules.public_privileges,
)

SOUNDING_PERSONAL = ("email", "phone", "address", "first_name", "last_name", "birthday", "ip", "ip_hash", "user_agent", "attributes")

TENANT = "create table billing.planted (workspace_id uuid not null, id uuid not null, {rest} primary key (workspace_id, id));"
WALLED = "select platform.protect('billing.planted');"
PLANTS: tuple[tuple[rules.Rule, str], ...] = (
    (rules.tables_of_no_workspace, "create table billing.planted (id uuid primary key)"),
    (rules.walls_missing, TENANT.format(rest="")),
    (rules.walls_missing, TENANT.format(rest="") + WALLED + "alter table billing.planted no force row level security"),
    (rules.walls_missing, TENANT.format(rest="") + WALLED + "create policy wide on billing.planted using (true)"),
    (
        rules.walls_missing,
        TENANT.format(rest="")
        + "alter table billing.planted enable row level security; alter table billing.planted force row level security;"
        + "create policy wall on billing.planted using (workspace_id = current_setting('nexusone.workspace')::uuid)",
    ),
    (rules.keys_without_workspace, "create table billing.planted (workspace_id uuid not null, id uuid primary key)"),
    (rules.keys_without_workspace, "create table billing.planted (workspace_id uuid, id uuid)"),
    (rules.keys_without_workspace, TENANT.format(rest="key text unique,")),
    (rules.foreign_keys_without_workspace, "create table billing.planted (user_id uuid references identity.user_account (id))"),
    (
        rules.foreign_keys_without_workspace,
        "create table billing.target (workspace_id uuid, id uuid primary key);"
        + TENANT.format(rest="t uuid references billing.target (id),"),
    ),
    (rules.system_scans_unlisted, "select platform.allow_system_scan('billing.entry')"),
    (rules.system_scans_unlisted, "grant insert on billing.hold to m_system"),
    (rules.append_only_changeable, "grant update on billing.entry to m_billing"),
    (rules.append_only_changeable, "grant update (amount_micros) on billing.entry to m_billing"),
    (rules.folding_indexes, "create index planted on audience.contact (workspace_id, lower(email))"),
    (rules.inexact_money, TENANT.format(rest="amount_minor integer,")),
    (rules.inexact_money, TENANT.format(rest="price numeric(10, 2),")),
    (rules.inexact_money, TENANT.format(rest="ratio double precision,")),
    (rules.loose_views, "create view billing.planted as select * from billing.hold"),
    (rules.loose_views, "create view billing.planted_v1 as select * from billing.hold"),
    (rules.loose_views, "create materialized view billing.planted_v1 as select * from billing.hold"),
    (rules.loose_functions, "create function billing.planted() returns int language sql security definer as 'select 1'"),
    (rules.loose_functions, "create function billing.planted() returns int language sql set search_path = '' as 'select 1'"),
    (rules.module_privileges, "grant select on identity.session to m_billing"),
    (rules.module_privileges, "grant select (email) on audience.contact to m_billing"),
    (rules.module_privileges, "grant insert on audience.contact_v1 to m_billing"),
    (rules.module_privileges, "grant truncate on billing.hold to m_billing"),
    (rules.module_privileges, "grant select on queue.pgqueuer to m_billing"),
    (rules.public_privileges, "grant select on audience.contact_v1 to public"),
)


@pytest.fixture
def admin(database: TestDatabase) -> Iterator[rules.Connection]:
    """A superuser's connection whose work is never committed."""
    with psycopg.connect(database.admin_url) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_schema_breaks_no_rule(admin: rules.Connection, rule: rules.Rule) -> None:
    assert list(rule(admin)) == []


@pytest.mark.parametrize(("rule", "statements"), PLANTS, ids=lambda value: getattr(value, "__name__", "planted"))
def test_a_planted_violation_is_caught(admin: rules.Connection, rule: rules.Rule, statements: str) -> None:
    before = list(rule(admin))
    admin.execute(statements.encode())
    assert set(rule(admin)) - set(before)


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _ in PLANTS} == set(RULES)


def test_the_lists_name_only_what_there_is(admin: rules.Connection) -> None:
    named = {*rules.SHARED_TABLES, *rules.SYSTEM_SCANS, *rules.APPEND_ONLY, *rules.MACHINERY}
    missing = [name for name in sorted(named) if admin.execute("select to_regclass(%s)", (name,)).fetchone() == (None,)]
    assert missing == []


def test_everything_belongs_to_its_modules_owner(admin: rules.Connection) -> None:
    found = admin.execute(
        f"select n.nspname, c.relname, pg_get_userbyid(c.relowner)::text from {rules.RELATIONS} where c.relkind not in ('i', 'I', 't')"
    ).fetchall()
    owners = {**{part.name: f"o_{part.name}" for part in schema_parts()}, "queue": "o_platform"}
    strangers = [row for row in found if row[2] != owners.get(row[0]) and f"{row[0]}.{row[1]}" != "platform.migration"]
    assert strangers == []


def test_owners_and_module_roles_are_powerless_beyond_their_schema(admin: rules.Connection) -> None:
    expected = {*MACHINE_ROLES, *(f"{kind}_{part.name}" for part in schema_parts() for kind in ("o", "m"))}
    roles = admin.execute(
        """
        select rolname::text, rolsuper or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb or rolreplication,
            exists (select 1 from pg_auth_members as a where a.member = r.oid),
            has_database_privilege(r.oid, current_database(), 'CREATE')
        from pg_roles as r where rolname ~ '^[om]_'
        """
    ).fetchall()
    assert {row[0] for row in roles} == expected
    assert [row for row in roles if any(row[1:])] == []


def test_module_roles_own_and_create_nothing(admin: rules.Connection) -> None:
    for role in ("m_system", "m_queue", *(f"m_{part.name}" for part in schema_parts())):
        assert _owned(admin, role) == 0, role
        assert _schemas_with(admin, role, "CREATE") == [], role


def test_the_applications_login_owns_nothing_and_may_nothing_by_itself(admin: rules.Connection) -> None:
    login = admin.execute(
        """
        select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolinherit,
            has_database_privilege(oid, current_database(), 'CREATE')
        from pg_roles where rolname = %s
        """,
        (LOGIN.name,),
    ).fetchone()
    assert login == (False,) * 7
    assert _owned(admin, LOGIN.name) == 0
    assert _schemas_with(admin, LOGIN.name, "CREATE") == []
    assert list(rules.privileges_of(admin, LOGIN.name)) == []


def test_the_applications_login_may_become_module_roles_and_no_other(admin: rules.Connection) -> None:
    memberships = admin.execute(
        """
        select g.rolname::text, a.inherit_option, a.set_option, a.admin_option
        from pg_auth_members as a join pg_roles as r on r.oid = a.member join pg_roles as g on g.oid = a.roleid where r.rolname = %s
        """,
        (LOGIN.name,),
    ).fetchall()
    runtime = {*MACHINE_ROLES, *(f"m_{part.name}" for part in schema_parts())}
    assert {row[0] for row in memberships} == runtime
    assert {row[1:] for row in memberships} == {(False, True, False)}


def test_the_queues_role_sees_the_queue_only(admin: rules.Connection) -> None:
    assert {relation.split(".")[0] for relation, _, _, _ in rules.privileges_of(admin, "m_queue")} == {"queue"}


def test_every_module_reads_every_published_view(admin: rules.Connection) -> None:
    views = admin.execute(f"select n.nspname || '.' || c.relname from {rules.RELATIONS} where c.relkind = 'v'").fetchall()
    for module in MODULES:
        readable = {
            relation
            for relation, kind, _, privileges in rules.privileges_of(admin, f"m_{module.name}")
            if privileges == {"SELECT"} and kind == "v"
        }
        assert readable == {view for (view,) in views}


def test_personal_columns_that_cards_declare_exist(admin: rules.Connection) -> None:
    declared = _declared_personal()
    found = {
        row[0]
        for row in admin.execute(
            f"""
            select n.nspname || '.' || c.relname || '.' || a.attname from {rules.RELATIONS}
            join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            """
        )
    }
    assert declared - found == set()


def test_columns_that_sound_personal_are_declared(admin: rules.Connection) -> None:
    declared = _declared_personal()
    found = admin.execute(
        f"""
        select n.nspname || '.' || c.relname || '.' || a.attname from {rules.RELATIONS}
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'p')
            and a.attname = any(%s)
        """,
        (list(SOUNDING_PERSONAL),),
    ).fetchall()
    assert {column for (column,) in found} - declared == set()


def _declared_personal() -> set[str]:
    return {f"{module.name}.{column}" for module in MODULES for column in module.personal_data} | {
        f"platform.{column}" for column in AUDIT_PERSONAL_DATA
    }


def _owned(connection: rules.Connection, role: str) -> int:
    row = connection.execute(
        "select count(*) from pg_shdepend as d join pg_roles as r on r.oid = d.refobjid where d.deptype = 'o' and r.rolname = %s", (role,)
    ).fetchone()
    return int(row[0]) if row else 0


def _schemas_with(connection: rules.Connection, role: str, privilege: str) -> list[str]:
    found = connection.execute(
        "select nspname::text from pg_namespace where nspname !~ '^pg_' and has_schema_privilege(%s, oid, %s)", (role, privilege)
    ).fetchall()
    return [name for (name,) in found]
