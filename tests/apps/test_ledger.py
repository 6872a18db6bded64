"""`nexusone ledger verify`: says how many ledgers it looked at, and every place where the books disagree."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from tests.conftest import TestDatabase
from typer.testing import CliRunner

from nexusone.apps.cli import app
from nexusone.modules.billing import api
from nexusone.modules.billing.service.grants import grant_alone
from nexusone.platform.runtime import Context
from nexusone.platform.vault import MasterKeys

Verify = Callable[..., tuple[int, str]]


@pytest.fixture
def verify(database: TestDatabase, keys: MasterKeys, tmp_path: Path) -> Verify:
    """Runs the command on the run's database, with the keys that others of the run have sealed its secrets with."""
    environment = {
        "NEXUSONE_DATABASE_URL": database.url,
        "NEXUSONE_DATABASE_ADMIN_URL": database.admin_url,
        "NEXUSONE_VAULT_KEYS": keys.to_json(),
    }

    def run(*more: str) -> tuple[int, str]:
        ran = CliRunner(env=environment).invoke(app, ["ledger", "verify", "--data", str(tmp_path), *more])
        return ran.exit_code, ran.output

    return run


@pytest.fixture
async def booked(ctx: Context) -> Context:
    await grant_alone(ctx, key="g", amount_micros=100, source="purchase")
    await api.hold(ctx, key="k", amount_micros=60, purpose="text", expires_in=timedelta(hours=1))
    await api.settle(ctx, key="k", amount_micros=25)
    return ctx


def test_mon_02_sound_ledgers_show_no_differences(booked: Context, database: TestDatabase, verify: Verify) -> None:
    code, said = verify()
    assert (code, said.splitlines()[-1].endswith(" ledgers, 0 differences")) == (0, True), said
    assert verify("--workspace", str(booked.workspace)) == (0, "1 ledgers, 0 differences\n")


def test_a_difference_is_named_and_ends_with_a_failure(booked: Context, database: TestDatabase, verify: Verify) -> None:
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("update billing.hold set settled_micros = 24 where workspace_id = %s", (booked.workspace,))
    code, said = verify("--workspace", str(booked.workspace))
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("update billing.hold set settled_micros = 25 where workspace_id = %s", (booked.workspace,))
    assert code == 1
    assert f"differs {booked.workspace}: holds spent: expected 24, found 25" in said
    assert said.endswith("1 ledgers, 1 differences\n")
