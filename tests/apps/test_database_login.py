"""TEN-03: the application never runs with a login that could pass the walls."""

from pathlib import Path

import psycopg
import pytest
from tests.conftest import TestDatabase

from nexusone.apps.database import LOGIN_NAME, database_of, powers_of
from nexusone.apps.process import Ground, NotReady, standing
from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.telemetry import TelemetrySettings, configure
from nexusone.platform.vault import MasterKeys


def test_ten_03_the_applications_login_has_no_powers(database: TestDatabase) -> None:
    assert powers_of(database.url) == ()


def test_ten_03_a_privileged_address_is_only_used_to_migrate(database: TestDatabase, tmp_path: Path) -> None:
    settings = PlatformSettings(data=tmp_path, database_url=database.admin_url)
    with database_of(settings, MasterKeys.fresh()) as addresses:
        assert addresses.admin_url == database.admin_url
        assert addresses.login.name == LOGIN_NAME
        assert f"//{LOGIN_NAME}:" in addresses.url


def test_a_plain_address_is_used_as_it_is(database: TestDatabase, tmp_path: Path) -> None:
    settings = PlatformSettings(data=tmp_path, database_url=database.url)
    with database_of(settings, MasterKeys.fresh()) as addresses:
        assert addresses.url == database.url
        assert addresses.admin_url is None


async def test_ten_03_the_process_refuses_to_start_with_a_table_owner(
    database: TestDatabase, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("drop table if exists public.mine")
        connection.execute("drop role if exists powerful")
        connection.execute("create role powerful login")
        connection.execute("create table public.mine ()")
        connection.execute("alter table public.mine owner to powerful")
    name = psycopg.conninfo.conninfo_to_dict(database.admin_url)["dbname"]
    url = postgres.url("powerful", None, str(name))
    settings = PlatformSettings(data=tmp_path, database_url=url, mode="live")
    keys = MasterKeys.fresh()
    try:
        with database_of(settings, keys) as addresses, pytest.raises(NotReady, match="owns tables"):
            ground = Ground(settings=settings, keys=keys, database=addresses, telemetry=configure(TelemetrySettings()))
            async with standing(ground, None):
                pass
    finally:
        with psycopg.connect(database.admin_url, autocommit=True) as connection:
            connection.execute("drop table public.mine")
            connection.execute("drop role powerful")
