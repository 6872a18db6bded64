"""Which PostgreSQL a process uses: the one that is given by address, or the embedded one of its data folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.schema_state import Login
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys

LOGIN_NAME = "nexusone_app"
DATABASE_NAME = "nexusone"
LOGIN_PURPOSE = "database-login"


FIND_POWERS = """
select
    rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
    exists (select from pg_class where relowner = pg_roles.oid and relkind in ('r', 'p', 'v') and not relispartition)
from pg_roles
where rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class DatabaseAddresses:
    """`url` is the application's login, which owns nothing; `admin_url` may create roles and schemas, if it is known."""

    url: str
    admin_url: str | None
    login: Login


@contextmanager
def database_of(settings: PlatformSettings, keys: MasterKeys) -> Iterator[DatabaseAddresses]:
    """The addresses to use; the embedded server runs at least as long as the block.

    An address whose login is privileged is only ever used to migrate: the application then logs in as `nexusone_app`,
    with a password derived from the oldest master key, so that rotating keys does not change it.
    """
    password = keys.derive_steady(LOGIN_PURPOSE).hex()
    if settings.database_url is None:
        server = EmbeddedPostgres(settings.data / "postgres")
        server.start()
        try:
            _ensure_database(server.admin_url())
            yield DatabaseAddresses(
                url=server.url(LOGIN_NAME, password, DATABASE_NAME),
                admin_url=server.admin_url(DATABASE_NAME),
                login=Login(LOGIN_NAME, password),
            )
        finally:
            server.stop()
        return
    given = urlsplit(settings.database_url)
    if settings.database_admin_url is not None:
        login = Login(unquote(given.username or LOGIN_NAME), unquote(given.password) if given.password else None)
        yield DatabaseAddresses(url=settings.database_url, admin_url=settings.database_admin_url, login=login)
    elif is_privileged(settings.database_url):
        yield DatabaseAddresses(
            url=_as_login(settings.database_url, LOGIN_NAME, password),
            admin_url=settings.database_url,
            login=Login(LOGIN_NAME, password),
        )
    else:
        yield DatabaseAddresses(url=settings.database_url, admin_url=None, login=Login(unquote(given.username or ""), None))


def change_password_of_login(database: DatabaseAddresses, *, was: MasterKeys, to: MasterKeys) -> None:
    """Derives the login's password from other keys, where it was derived at all; open connections stay, new ones need a restart."""
    if database.admin_url is None or database.login.password != was.derive_steady(LOGIN_PURPOSE).hex():
        return
    password = sql.Literal(to.derive_steady(LOGIN_PURPOSE).hex())
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(database.login.name), password))


def is_privileged(url: str) -> bool:
    """Whether a login is a superuser, passes row-level security, or may make roles: too much for the application."""
    with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
        row = connection.execute("select rolsuper or rolbypassrls or rolcreaterole from pg_roles where rolname = current_user").fetchone()
    return bool(row and row[0])


def powers_of(url: str) -> tuple[str, ...]:
    """What a login has that the application's must not: reasons to refuse the start, in words."""
    with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
        row = connection.execute(FIND_POWERS).fetchone()
    names = ("is a superuser", "passes row-level security", "may make roles", "may make databases", "owns tables")
    return tuple(name for name, is_held in zip(names, row or (), strict=False) if is_held)


def _as_login(url: str, name: str, password: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(name)}:{quote(password)}@{host}"))


def _ensure_database(admin_url: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", (DATABASE_NAME,)).fetchone() is None:
            try:
                connection.execute("create database nexusone")
            except psycopg.errors.DuplicateDatabase:
                return
