"""Every statement of the product is planned against the migrated schema, as the role that runs it: a typo fails the build."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import psycopg
import pytest
from tests.architecture.catalog_rules import SHARED_TABLES, Connection
from tests.architecture.importing import all_modules
from tests.conftest import TestDatabase

from nexusone.platform.sql import Sql, fragment, sql

STORE = re.compile(r"^nexusone\.modules\.(?P<module>[a-z]+)\.store(\.|$)")
PLATFORM = re.compile(r"^nexusone\.platform\.")
PARAMETER = re.compile(r"%\((\w+)\)s")
HOLE = re.compile(r"\{\w+\}")
LITERAL = re.compile(r"'[^']*'")
VERB = re.compile(r"^\s*(select|with|insert|update|delete|merge|values|copy)\b", re.IGNORECASE)
COPY_OUT = re.compile(r"^\s*copy\s*\((?P<query>.*)\)\s*to\s+stdout.*$", re.IGNORECASE | re.DOTALL)
COPY_IN = re.compile(r"^\s*copy\b", re.IGNORECASE)
TEMPORARY = re.compile(r"\bcreate\s+temp(orary)?\s+table\b", re.IGNORECASE)
TABLE = re.compile(r"\b(?:from|join|into|update)\s+([a-z_]+\.[a-z_0-9]+)", re.IGNORECASE)

# The queue's tables are looked after by the queue's own role.
QUEUE_LOG = "nexusone.platform.job_log"

# They look for due work, or for an account's workspaces, in the system context, which reads and never writes.
ACROSS_WORKSPACES = frozenset(
    {
        "modules.ai.store.asset_storage.LIST_STORED",
        "modules.ai.store.generations.LIST_DUE",
        "modules.ai.store.indexings.LIST_DUE",
        "modules.ai.store.pipeline_runs.LIST_DUE",
        "modules.ai.store.model_use.LIST_USED",
        "modules.billing.store.expiry.LIST_WORKSPACES_WITH_DUE_GRANTS",
        "modules.billing.store.expiry.LIST_WORKSPACES_WITH_DUE_HOLDS",
        "modules.billing.store.margins.LIST_WORKSPACES_WITH_COSTS",
        "modules.billing.store.payments.LIST_CAPTURED",
        "modules.billing.store.payments.LIST_DUE",
        "modules.billing.store.payments_methods.LIST_WORKSPACES_OF_CUSTOMER",
        "modules.billing.store.payments_refunds.LIST_DUE",
        "modules.billing.store.profiles.LIST_DUE_CHECKS",
        "modules.billing.store.subscriptions.LIST_DUE",
        "modules.billing.store.pools_drawing.LIST_BEGUN_DRAWS",
        "modules.billing.store.pools_drawing.LIST_BEGUN_RETURNS",
        "modules.billing.store.verification.LIST_WORKSPACES",
        "modules.billing.store.watching.LIST_STALE_TOP_UPS",
        "modules.identity.store.accounts.LIST_MEMBERSHIPS",
        "modules.identity.store.sessions.FIND_WORKSPACE_OF_SESSION",
        "modules.identity.store.sessions.LIST_SESSIONS",
        "modules.identity.store.sso.FIND_PLACE_BY_DOMAIN",
        "modules.identity.store.sso.FIND_PLACE_BY_ID",
        "modules.identity.store.workspaces.LIST_DUE_DELETIONS",
        "modules.identity.store.workspaces.LIST_OF_AGENCY",
        "modules.identity.store.workspaces.LIST_OWN",
        "modules.marketing.store.campaigns.LIST_UNFINISHED",
        "platform.audit.checkpoints.LIST_GROWN_WORKSPACES",
        "platform.audit.sealing.LIST_WAITING_WORKSPACES",
        "platform.audit.sealing.LIST_WORKSPACES",
        "platform.data_keys.COUNT_KEYS",
        "platform.data_keys.LIST_KEYS",
        "platform.idempotency.LIST_FORGETTABLE_WORKSPACES",
        "platform.live.LIST_COMMITTED",
    }
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A module-level constant that is a whole statement, the role that runs it, and the temporary tables it needs."""

    name: str
    role: str
    text: str
    before: tuple[str, ...] = ()


def collect(modules: tuple[ModuleType, ...]) -> Iterator[Statement]:
    """The whole statements of stores and of the machinery."""
    for module in modules:
        store = STORE.match(module.__name__)
        if store is None and not PLATFORM.match(module.__name__):
            continue
        constants = {name: value for name, value in vars(module).items() if isinstance(value, Sql)}
        before = tuple(value.text for value in constants.values() if TEMPORARY.search(value.text))
        for name, value in constants.items():
            full_name = f"{module.__name__.removeprefix('nexusone.')}.{name}"
            own = f"m_{store['module']}" if store else "m_queue" if module.__name__ == QUEUE_LOG else "m_platform"
            role = "m_system" if full_name in ACROSS_WORKSPACES else own
            role = "m_erasure" if full_name.startswith("platform.erasure.") else role
            if _is_whole(value):
                yield Statement(full_name, role, value.text, before)


def check(connection: Connection, statement: Statement) -> None:
    """Plans a statement as its role, without values: names, types and grants are looked up, and nothing is run.

    COPY cannot be planned: what it would write to is opened and given no row.
    """
    with connection.transaction(force_rollback=True):
        connection.execute(f"set local role {statement.role}".encode())
        for text in statement.before:
            connection.execute(text.encode())
        copy_out = COPY_OUT.match(statement.text)
        text = copy_out["query"] if copy_out else statement.text
        if COPY_IN.match(text):
            with connection.cursor() as cursor, cursor.copy(text.encode()):
                return
        numbered = _numbered(text)
        connection.execute(f"prepare checked as {numbered}".encode())
        connection.execute("deallocate checked")
        connection.execute(f"explain (generic_plan) {numbered}".encode())


def _is_whole(statement: Sql) -> bool:
    if TEMPORARY.search(statement.text):
        return False
    return not statement.is_fragment or (VERB.match(statement.text) is not None and not HOLE.search(LITERAL.sub("", statement.text)))


def _numbered(text: str) -> str:
    # The driver sends a value with its type each time it is named; without values, each place must find its own.
    count = iter(range(1, 1000))
    return PARAMETER.sub(lambda _: f"${next(count)}", text).replace("%%", "%")


STATEMENTS = tuple(collect(all_modules()))


@pytest.fixture(scope="module")
def admin(database: TestDatabase) -> Iterator[Connection]:
    """A superuser's connection, which may become any role."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_a_statement_is_valid_for_its_role(admin: Connection, statement: Statement) -> None:
    try:
        check(admin, statement)
    finally:
        admin.execute("deallocate all")


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_a_statement_says_its_workspace(statement: Statement) -> None:
    tables = {table for table in TABLE.findall(LITERAL.sub("", statement.text)) if table not in SHARED_TABLES}
    assert "%(workspace_id)s" in statement.text or not tables or statement.role in ("m_system", "m_erasure")


def test_statements_across_workspaces_are_those_that_were_reviewed() -> None:
    assert {statement.name for statement in STATEMENTS} >= ACROSS_WORKSPACES


def test_every_store_and_the_machinery_have_statements() -> None:
    modules = {statement.name.split(".")[1] for statement in STATEMENTS if statement.name.startswith("modules.")}
    stores = {match["module"] for module in all_modules() if (match := STORE.match(module.__name__))}
    assert modules == stores
    assert any(statement.role == "m_platform" for statement in STATEMENTS)


@pytest.mark.parametrize(
    "typo",
    [
        sql("select nmae from identity.workspace where workspace_id = %(workspace_id)s"),
        sql("select name from identity.workspaces where workspace_id = %(workspace_id)s"),
        sql("select name from identity.workspace where workspace_id = %(workspace_id)s::uuid limit limit"),
        sql("select name from identity.workspace where workspace_id = %(workspace_id)s::uuid and created_at = 'x'"),
        sql("select id from billing.hold where workspace_id = %(workspace_id)s"),
        sql("insert into identity.workspace (workspace_id, name) values (%(workspace_id)s)"),
        sql("copy identity.user_account (id, nmae) from stdin"),
        sql("copy (select nmae from identity.workspace where workspace_id = %(workspace_id)s) to stdout (format csv)"),
    ],
    ids=str,
)
def test_a_planted_typo_is_caught(admin: Connection, typo: Sql) -> None:
    planted = ModuleType("nexusone.modules.identity.store.planted")
    vars(planted)["PLANTED"] = typo
    (statement,) = collect((planted,))
    try:
        with pytest.raises(psycopg.Error):
            check(admin, statement)
    finally:
        admin.execute("deallocate all")


def test_a_filled_statement_counts_and_one_with_holes_does_not() -> None:
    planted = ModuleType("nexusone.modules.identity.store.planted")
    holed = fragment("select {columns} from identity.workspace")
    vars(planted).update(HOLED=holed, FILLED=holed.fill(columns=fragment("name")), PART=fragment("name"))
    assert [statement.name for statement in collect((planted,))] == ["modules.identity.store.planted.FILLED"]
