"""Rules of money that hold everywhere: integers alone (MON-01), lines that sum to zero (MON-02), all or nothing (MON-03)."""

import ast
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import TestDatabase
from tests.modules.billing.credits.ledgers import HOUR, Ledger, allow_overdraft, ledger_of

import nexusone.modules.billing
from nexusone.kernel.money import BIGINT_MAX, credits_from_text, credits_to_text
from nexusone.modules.billing import api
from nexusone.modules.billing.contracts.caps import AlertsWish, CapsWish, CapWish
from nexusone.modules.billing.domain.amounts import AMOUNT_MICROS_MAX
from nexusone.modules.billing.service import caps, grants, verification, watching
from nexusone.platform.database import Database, Parameters, Transaction
from nexusone.platform.origin import Origin
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.sql import Sql

LEDGER = ("amounts", "sources", "resolution", "watching", "grants", "holds", "resolutions", "balances", "expiry", "caps", "overdraft")
LEDGER_FILES = [
    path
    for path in sorted(Path(nexusone.modules.billing.__file__ or "").parent.rglob("*.py"))
    if path.stem in LEDGER and path.parent.name in ("domain", "service", "store")
]


@pytest.mark.parametrize("path", LEDGER_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_mon_01_the_ledger_reckons_in_integers_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not any(isinstance(node, ast.Constant) and isinstance(node.value, float) for node in ast.walk(tree))
    assert not any(isinstance(node, ast.Div) for node in ast.walk(tree))
    assert not any(isinstance(node, ast.Name) and node.id in ("float", "Decimal") for node in ast.walk(tree))


@given(st.integers(-BIGINT_MAX, BIGINT_MAX))
def test_mon_01_credits_come_back_from_the_wire_as_they_went(micros: int) -> None:
    assert credits_from_text(credits_to_text(micros)) == micros


async def test_mon_01_the_largest_amounts_are_exact_and_larger_ones_are_refused(runtime: Runtime) -> None:
    ledger = await ledger_of(runtime, AMOUNT_MICROS_MAX, AMOUNT_MICROS_MAX)
    await ledger.spend(2 * AMOUNT_MICROS_MAX - 1, held=2 * AMOUNT_MICROS_MAX)
    balance = await api.get_balance(ledger.ctx)
    assert (balance.available_micros, balance.spent_micros) == (1, 2 * AMOUNT_MICROS_MAX - 1)
    for amount in (AMOUNT_MICROS_MAX + 1, 0, -1):
        with pytest.raises(ValueError, match="an amount is between"):
            await grants.grant_alone(ledger.ctx, key="k", amount_micros=amount, source="purchase")


async def test_mon_02_no_line_stands_alone_and_no_balance_without_its_lines(runtime: Runtime, database: TestDatabase) -> None:
    ledger = await ledger_of(runtime, 100, 50)
    await ledger.spend(30, held=120)
    with psycopg.connect(database.admin_url) as admin:
        sums = admin.execute(
            "select transfer_id, sum(amount_micros), count(*) from billing.entry where workspace_id = %s group by transfer_id",
            (ledger.ctx.workspace,),
        ).fetchall()
        lines: dict[str, int] = dict(
            admin.execute(
                "select account::text, sum(amount_micros)::bigint from billing.entry where workspace_id = %s group by account",
                (ledger.ctx.workspace,),
            ).fetchall()
        )
    assert all(total == 0 and count >= 2 for _, total, count in sums)
    assert {name: lines[name] for name in ("granted", "available", "spent")} == {"granted": -150, "available": 120, "spent": 30}


class FaultyTransaction(Transaction):
    """Fails instead of its `fails_at`-th statement."""

    fails_at = 0
    count = 0

    async def _confirm_standing(self, statement: Sql) -> None:
        FaultyTransaction.count += 1
        if FaultyTransaction.count == FaultyTransaction.fails_at:
            raise ZeroDivisionError
        await super()._confirm_standing(statement)


class FaultyDatabase(Database):
    """Another database whose transactions are faulty, and which knows the longer way alone."""

    @asynccontextmanager
    async def transaction(self, module: str, *, origin: Origin, statement_timeout_seconds: int | None = None) -> AsyncIterator[Transaction]:
        async with super().transaction(module, origin=origin, statement_timeout_seconds=statement_timeout_seconds) as tx:
            yield FaultyTransaction(tx.connection, module=module, origin=origin)

    async def try_in_one_trip(
        self, module: str, row: type[Any], statement: Sql, parameters: Parameters, *, origin: Origin
    ) -> list[Any] | None:
        return None


async def state_of(ledger: Ledger) -> tuple[object, ...]:
    events = await ledger.events("billing.credits.settled.v1"), await ledger.events("billing.balance.low.v1")
    return await api.get_balance(ledger.ctx), await caps.list_caps(ledger.ctx), len(events[0]), len(events[1])


async def test_mon_03_a_fault_at_any_statement_of_a_booking_leaves_nothing_of_it(runtime: Runtime, database: TestDatabase) -> None:
    ledger = await ledger_of(runtime, 40, 60)
    await allow_overdraft(ledger.ctx, database, limit_micros=50)
    await caps.put_caps(ledger.ctx, wanted=CapsWish(caps=[CapWish(scope="workspace", period="day", limit="1")]))
    await watching.put_alerts(ledger.ctx, wanted=AlertsWish(thresholds=["0.00005"]))
    faulty = FaultyDatabase(database.url, connections_max=2)
    await faulty.open()
    ctx = replace(ledger.ctx, runtime=replace(ledger.ctx.runtime, database=faulty))

    async def hold(ctx: Context) -> object:
        return await api.hold(ctx, key="k", amount_micros=70, purpose="text", expires_in=HOUR)

    async def settle(ctx: Context) -> object:
        return await api.settle(ctx, key="k", amount_micros=120)

    statements = []
    try:
        for call in (hold, settle):
            before = await state_of(ledger)
            for number in range(1, 50):
                FaultyTransaction.fails_at, FaultyTransaction.count = number, 0
                try:
                    await call(ctx)
                except ZeroDivisionError:
                    assert await state_of(ledger) == before
                    assert await verification.verify(ledger.ctx) == []
                    continue
                statements.append(number - 1)
                break
    finally:
        FaultyTransaction.fails_at = 0
        await faulty.close()
    assert min(statements) >= 4
    balance = await api.get_balance(ledger.ctx)
    assert (balance.spent_micros, balance.overdraft_micros, balance.held_micros) == (120, 20, 0)
