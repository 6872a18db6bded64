"""Databases of a test's own, migrated and empty."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from tests.conftest import LOGIN, TEMPLATE, TestDatabase

from nexusone.kernel.ids import new_id
from nexusone.platform.postgres import EmbeddedPostgres


@contextmanager
def fresh_database(postgres: EmbeddedPostgres) -> Iterator[TestDatabase]:
    """A copy of the template, for as long as the block; the template must have been made."""
    name = f"fresh_{new_id().hex}"
    with psycopg.connect(postgres.admin_url(), autocommit=True) as connection:
        # The lock under which the template is migrated: nobody copies it while somebody is connected to it.
        connection.execute("select pg_advisory_lock(1)")
        connection.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    try:
        yield TestDatabase(url=postgres.url(LOGIN.name, None, name), admin_url=postgres.admin_url(name))
    finally:
        with psycopg.connect(postgres.admin_url(), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
