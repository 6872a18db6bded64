"""Makes and migrates the schema: roles, schemas, each module's own history, and the views it publishes.

Owner roles (`o_billing`) own the objects and never log in; runtime roles (`m_billing`) read and write their own module's
tables and read the views of others; the application's login may become any runtime role and owns nothing.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from alembic import command
from alembic.config import Config
from alembic.op import get_bind
from psycopg import sql as psql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from nexusone.platform.jobs import QUEUE_SCHEMA, queue_schema_statements
from nexusone.platform.schema_state import (
    CREATE_QUEUE_INDEX,
    ERASURE_FILE,
    ERASURE_PLACE,
    Login,
    SchemaPart,
    find_fingerprint,
    fingerprint_of,
)

MIGRATION_LOCK = 7_230_118_001
LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "30min"

# `vector` is pgvector: it comes with the embedded PostgreSQL, and every managed one offers it.
EXTENSIONS = ("vector",)
EXTENSIONS_SCHEMA = "extensions"

# Beside the modules' own: due scans across workspaces, the queue, and what empties a workspace that is deleted.
MACHINE_ROLES = ("m_system", "m_queue", "m_erasure")


def migrate(admin_url: str, *, login: Login, parts: Sequence[SchemaPart]) -> bool:
    """Brings the database to the present schema; returns whether anything was to do.

    One process migrates at a time (advisory lock). `admin_url` must name a role that may create roles and schemas.
    """
    with psycopg.connect(admin_url, autocommit=True, application_name="nexusone migrate") as connection:
        connection.execute("select pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        wanted = fingerprint_of(parts)
        if find_fingerprint(connection) == wanted:
            _admit(connection, login, parts)
            return False
        connection.execute(psql.SQL("set lock_timeout = {}").format(psql.Literal(LOCK_TIMEOUT)))
        connection.execute(psql.SQL("set statement_timeout = {}").format(psql.Literal(STATEMENT_TIMEOUT)))
        _make_roles_and_schemas(connection, parts)
        _install_extensions(connection, parts)
        _install_queue(connection)
        _run_revisions(admin_url, parts)
        _publish_views(connection, parts)
        _install_erasure(connection, parts)
        _grant_queue(connection, parts)
        _admit(connection, login, parts)
        connection.execute(psql.SQL("comment on schema platform is {}").format(psql.Literal(wanted)))
    return True


def run_beside(revision_file: str) -> None:
    """Runs the SQL file beside a revision, as the owner of the module whose `migrations/` it lies in."""
    path = Path(revision_file)
    owner = f"o_{path.parent.parent.name}"
    connection = get_bind()
    connection.exec_driver_sql(f"set local role {owner}")
    # The driver must see the text as it is: `%` and `:` are SQL here, not parameters.
    cursor = connection.connection.cursor()
    cursor.execute(path.with_suffix(".sql").read_text(encoding="utf-8"))
    cursor.close()
    connection.exec_driver_sql("reset role")


def _run_revisions(admin_url: str, parts: Sequence[SchemaPart]) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(part.folder / "migrations") for part in parts if part.has_migrations))
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect_for_revisions(admin_url), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        for part in parts:
            if part.has_migrations:
                command.upgrade(config, f"{part.name}@head")
        connection.commit()


def _connect_for_revisions(admin_url: str) -> psycopg.Connection[Any]:
    limits = f"-c lock_timeout={LOCK_TIMEOUT} -c statement_timeout={STATEMENT_TIMEOUT}"
    return psycopg.connect(admin_url, options=limits, application_name="nexusone migrate")


def _make_roles_and_schemas(connection: psycopg.Connection[Any], parts: Sequence[SchemaPart]) -> None:
    for role in (*MACHINE_ROLES, *(f"{kind}_{part.name}" for part in parts for kind in ("o", "m"))):
        _ensure_role(connection, role)
        _run(connection, "grant {} to current_user with inherit false, set true", role)
    for part in parts:
        name, owner, reader = part.name, f"o_{part.name}", f"m_{part.name}"
        _run(connection, "create schema if not exists {} authorization {}", name, owner)
        _run(connection, "grant usage on schema {} to {}, m_system, m_erasure", name, reader)
        with _as_role(connection, owner):
            _run(connection, "alter default privileges in schema {} grant select, insert, update, delete on tables to {}", name, reader)
            _run(connection, "alter default privileges in schema {} grant usage on sequences to {}", name, reader)
            _run(connection, "alter default privileges revoke execute on functions from public")
            _run(connection, "alter default privileges in schema {} grant execute on functions to {}", name, reader)
    _run(connection, "create schema if not exists {} authorization o_platform", QUEUE_SCHEMA)
    with _as_role(connection, "o_platform"):
        for part in parts:
            _run(connection, "alter default privileges in schema platform grant execute on functions to {}", f"o_{part.name}")
    for part in parts:
        for other in parts:
            if other is not part:
                _run(connection, "grant usage on schema {} to {}, {}", other.name, f"m_{part.name}", f"o_{part.name}")


def _install_extensions(connection: psycopg.Connection[Any], parts: Sequence[SchemaPart]) -> None:
    # Only whoever migrates may create extensions, so a module's own revision finds its types already there. They lie in a schema
    # of their own and are named with it, because functions and roles look for nothing by path.
    _run(connection, "create schema if not exists {}", EXTENSIONS_SCHEMA)
    for extension in EXTENSIONS:
        _run(connection, "create extension if not exists {} schema {}", extension, EXTENSIONS_SCHEMA)
    for part in parts:
        for role in (f"o_{part.name}", f"m_{part.name}"):
            _run(connection, "grant usage on schema {} to {}", EXTENSIONS_SCHEMA, role)


def _install_queue(connection: psycopg.Connection[Any]) -> None:
    installed = connection.execute("select to_regclass(%s)", (f"{QUEUE_SCHEMA}.pgqueuer",)).fetchone()
    if installed is None or installed[0] is None:
        with _as_role(connection, "o_platform"):
            connection.execute(queue_schema_statements().encode())
    with _as_role(connection, "o_platform"):
        connection.execute(CREATE_QUEUE_INDEX)


def _install_erasure(connection: psycopg.Connection[Any], parts: Sequence[SchemaPart]) -> None:
    text = ERASURE_FILE.read_text(encoding="utf-8")
    others = psql.SQL(", ").join(psql.Identifier(f"{kind}_{part.name}") for part in parts for kind in ("m", "o"))
    for part in parts:
        made = ["erase_rows(uuid, bigint)", "export_rows(uuid, text)"]
        with connection.transaction(), _as_role(connection, f"o_{part.name}"):
            connection.execute(text.replace(ERASURE_PLACE, part.name).encode())
            if part.name == "platform":
                made += ["erase_jobs(uuid)", "erase_rows_of(text, uuid, bigint)", "export_rows_of(text, text, uuid)"]
                made += ["list_workspace_tables()"]
            for function in made:
                name = psql.SQL(f"{part.name}.{function}")
                connection.execute(psql.SQL("revoke all on function {} from {}").format(name, others))
                connection.execute(psql.SQL("grant execute on function {} to m_erasure").format(name))


def _grant_queue(connection: psycopg.Connection[Any], parts: Sequence[SchemaPart]) -> None:
    writers = psql.SQL(", ").join(psql.Identifier(f"m_{part.name}") for part in parts)
    everyone = psql.SQL(", ").join((writers, psql.Identifier("m_queue")))
    statements: tuple[LiteralString, ...] = (
        "grant usage on schema queue to {everyone}",
        "grant usage on all sequences in schema queue to {everyone}",
        "grant insert, select (id, entrypoint, priority, dedupe_key, status) on queue.pgqueuer to {writers}",
        "grant insert on queue.pgqueuer_log to {writers}",
        "grant select, insert, update, delete on all tables in schema queue to m_queue",
        # Every module writes facts and idempotency outcomes inside its own transaction; only platform reads events.
        "grant insert on platform.event, platform.audit_entry to {writers}",
        "grant select, update on platform.idempotency to {writers}",
        "grant select, insert, update on platform.rate_limit to {writers}",
    )
    with _as_role(connection, "o_platform"):
        for statement in statements:
            connection.execute(psql.SQL(statement).format(everyone=everyone, writers=writers))


def _publish_views(connection: psycopg.Connection[Any], parts: Sequence[SchemaPart]) -> None:
    readers = [f"m_{part.name}" for part in parts]
    for part in parts:
        views = part.folder / "views.sql"
        if not views.exists():
            continue
        text = views.read_text(encoding="utf-8")
        with connection.transaction(), _as_role(connection, f"o_{part.name}"):
            connection.execute(text.encode())
            for view in re.findall(r"create or replace view (\w+\.\w+)", text):
                schema, name = view.split(".")
                for reader in readers:
                    _run(connection, "grant select on {}.{} to {}", schema, name, reader)
                # A simple view passes writes on as its owner, who may also write what the module's role may not.
                _run(connection, "revoke insert, update, delete on {}.{} from {}", schema, name, f"m_{part.name}")


def _admit(connection: psycopg.Connection[Any], login: Login, parts: Sequence[SchemaPart]) -> None:
    current = connection.execute("select current_user").fetchone()
    if current is not None and current[0] == login.name:
        return
    _ensure_role(connection, login.name)
    if login.password is not None:
        connection.execute(
            psql.SQL("alter role {} login noinherit password {}").format(psql.Identifier(login.name), psql.Literal(login.password))
        )
    else:
        _run(connection, "alter role {} login noinherit", login.name)
    # Time limits hang on the login, so that no statement has to set them.
    _run(connection, "alter role {} set statement_timeout = '15s'", login.name)
    _run(connection, "alter role {} set lock_timeout = '3s'", login.name)
    _run(connection, "alter role {} set idle_in_transaction_session_timeout = '60s'", login.name)
    for role in (*MACHINE_ROLES, *(f"m_{part.name}" for part in parts)):
        _run(connection, "grant {} to {} with inherit false, set true", role, login.name)


def _ensure_role(connection: psycopg.Connection[Any], role: str) -> None:
    # Roles are shared by all databases of a server, so two migrations of two databases may race here.
    try:
        found = connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone()
        if found is None:
            _run(connection, "create role {} nologin", role)
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return


@contextmanager
def _as_role(connection: psycopg.Connection[Any], role: str) -> Iterator[None]:
    _run(connection, "set role {}", role)
    try:
        yield
    finally:
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.INERROR:
            connection.execute("reset role")


def _run(connection: psycopg.Connection[Any], statement: LiteralString, *names: str) -> None:
    connection.execute(psql.SQL(statement).format(*(psql.Identifier(name) for name in names)))
