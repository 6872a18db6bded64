"""AUD-06: the inventory of logs names every log there is, and the clocks are watched."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
import structlog
from tests.architecture.source import ROOT
from tests.conftest import TestDatabase

from nexusone.kernel.clock import MovedClock
from nexusone.modules.compliance.settings import ComplianceSettings
from nexusone.platform.clock_watch import check_clocks
from nexusone.platform.runtime import Context
from nexusone.platform.telemetry import TelemetrySettings

INVENTORY = (ROOT / "docs" / "log-inventory.md").read_text(encoding="utf-8")


def test_aud_06_every_table_that_records_is_in_the_inventory(database: TestDatabase) -> None:
    with psycopg.connect(database.admin_url) as admin:
        tables = admin.execute(
            "select schemaname || '.' || tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema') "
            "and tablename ~ '(^audit_|_log$|^event$)'"
        ).fetchall()
    assert [table for (table,) in tables if f"`{table}`" not in INVENTORY] == []


def test_aud_06_the_inventory_says_the_retention_that_is_kept() -> None:
    settings = ComplianceSettings()
    assert f"| {settings.audit_hot_days} days |" in INVENTORY
    assert f"| {settings.audit_archive_days} days in all |" in INVENTORY


def test_aud_06_everything_that_leaves_the_machine_is_in_the_inventory() -> None:
    addresses = [name for name in TelemetrySettings.model_fields if name.endswith(("_endpoint", "_dsn"))]
    assert [name for name in addresses if f"NEXUSONE_TELEMETRY_{name.upper()}" not in INVENTORY] == []


@pytest.mark.parametrize(("ahead", "is_told"), [(timedelta(), False), (timedelta(seconds=5), True), (timedelta(seconds=-5), True)])
async def test_aud_06_clocks_more_than_a_second_apart_are_an_alarm(ctx: Context, ahead: timedelta, is_told: bool) -> None:
    clock = MovedClock(ctx.now() + ahead)
    skewed = replace(ctx, runtime=replace(ctx.runtime, clock=clock))
    with structlog.testing.capture_logs() as lines:
        skew = await check_clocks(skewed)
    assert (skew > timedelta(seconds=1)) == is_told
    assert [line["event"] for line in lines] == (["clock.skewed"] if is_told else [])
