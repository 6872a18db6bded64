"""MON-12: what a vendor's list has and we do not, and the other way round, becomes an incident. MON-14: no card data anywhere."""

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.modules.billing.payments.shops import Shop

from nexusone.modules.billing.service.reconciliation import reconcile

PAN = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w.-])")


async def test_mon_12_a_missing_and_an_extra_payment_are_incidents_and_nothing_is_mended(shop: Shop, database: TestDatabase) -> None:
    began = datetime.now(UTC) - timedelta(seconds=2)
    kept, lost = await shop.bought(), await shop.bought()
    missing = await shop.subject(lost)
    async with shop.http.delete(f"{shop.vendor}/_payments/{missing}") as answer:
        assert answer.status == 204
    planted = {"amount": 777, "currency": "eur"} if shop.gateway == "stripe" else {"amount": {"currency_code": "EUR", "value": "7.77"}}
    await shop.post("/_plant", planted)
    system, until = shop.composition.runtime.system(), datetime.now(UTC) + timedelta(seconds=2)
    assert await reconcile(system, gateway=shop.gateway, since=began, until=until) == 2
    assert await reconcile(system, gateway=shop.gateway, since=began, until=until) == 0
    with psycopg.connect(database.admin_url) as connection:
        found = connection.execute(
            "select kind, expected_minor, found_minor from billing.payment_incident where gateway = %s and found_at >= %s order by kind",
            (shop.gateway, began),
        ).fetchall()
        told = connection.execute(
            "select payload ->> 'kind' from platform.event where workspace_id = %s and name = 'billing.payment.incident_found.v1'",
            (shop.ctx.workspace,),
        ).fetchall()
    total = (await shop.payment(kept))["amount"]["amount"]
    assert found == [("missing_here", None, 777), ("missing_there", total, None)]
    assert told == [("missing_there",)]
    assert (await shop.payment(lost))["state"] == "captured"


async def test_mon_14_no_card_number_is_in_the_database_or_the_logs(
    shop: Shop, database: TestDatabase, capfd: pytest.CaptureFixture[str]
) -> None:
    await shop.saved()
    await shop.invoiced()
    await shop.work()
    with psycopg.connect(database.admin_url) as connection:
        tables = connection.execute(
            "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables "
            "where schemaname in ('billing', 'platform', 'queue')"
        ).fetchall()
        written = "\n".join(
            value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            for (table,) in tables
            for row in connection.execute(f"select * from {table}".encode()).fetchall()
            for value in row
        )
    logged = capfd.readouterr()
    for text in (written, logged.out, logged.err):
        assert [found for found in PAN.findall(text) if _is_card(found)] == []


def _is_card(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdigit()]
    if digits[0] not in (3, 4, 5, 6) or len(set(digits)) < 3:
        return False
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0
