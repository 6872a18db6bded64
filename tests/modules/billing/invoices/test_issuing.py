"""MON-10: invoices are numbered without gaps, never change, and payments are noted once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from tests.conftest import ContextMaker, TestDatabase
from tests.modules.billing.conftest import CROWD
from tests.modules.billing.invoices.billed import bill_to, draft, issue

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.service import invoicing
from nexusone.modules.billing.service.refusals_invoices import BillingProfileMissing, InvoiceNotFound, InvoiceSettled
from nexusone.modules.billing.settings import DEMO_ISSUER, InvoiceSettings
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context, Runtime

Admin = psycopg.Connection[tuple[object, ...]]
CONTENT = ("invoice", "invoice_line", "invoice_rate", "credit_note", "credit_note_line", "vat_id_check")


class CalledOff(Exception):
    """The caller thought better of it."""


@pytest.fixture
def admin(database: TestDatabase) -> Iterator[Admin]:
    """A superuser's connection; what it changes is rolled back."""
    with psycopg.connect(database.admin_url) as connection:
        yield connection
        connection.rollback()


def with_issuer(runtime: Runtime) -> Runtime:
    """The runtime of an operator whose company nobody else uses."""
    issuer = DEMO_ISSUER.model_copy(update={"code": f"i{new_id().hex[-20:]}", "prefix": "X-"})
    return replace(runtime, settings={**runtime.settings, InvoiceSettings: InvoiceSettings(issuers=(issuer,))})


async def test_mon_10_a_hundred_invoices_at_once_are_numbered_without_a_gap(
    crowded_runtime: Runtime, make_context: ContextMaker, admin: Admin
) -> None:
    runtime = with_issuer(crowded_runtime)
    contexts = [await bill_to(replace(make_context(), runtime=runtime)) for _ in range(10)]

    gate = asyncio.Semaphore(CROWD)

    async def attempt(number: int) -> UUID | None:
        ctx = contexts[number % 10]

        async def work(tx: Transaction) -> UUID:
            made = await invoicing.issue(ctx, tx, draft(1000 + number))
            if number % 7 == 0:
                raise CalledOff
            return made

        try:
            async with gate:
                return await ctx.atomically("billing", work)
        except CalledOff:
            return None

    made = [found for found in await asyncio.gather(*(attempt(number) for number in range(115))) if found]
    assert len(made) == 98
    code = runtime.settings[InvoiceSettings].issuers[0].code  # type: ignore[attr-defined]
    rows = admin.execute("select number, issued_at from billing.invoice where issuer = %s order by number", (code,)).fetchall()
    assert [number for number, _ in rows] == [f"X-{contexts[0].now().year}-{number:06d}" for number in range(1, 99)]
    assert [at for _, at in rows] == sorted(at for _, at in rows)  # type: ignore[type-var]


@pytest.mark.parametrize("table", CONTENT)
@pytest.mark.parametrize(
    "statement", ["update billing.{} set workspace_id = workspace_id", "delete from billing.{}", "truncate billing.{}"]
)
async def test_mon_10_what_was_issued_cannot_be_changed(ctx: Context, admin: Admin, table: str, statement: str) -> None:
    await issue(await bill_to(ctx), 100)
    admin.execute("set local role m_billing")
    admin.execute("select set_config('nexusone.workspace', %s, true)", (str(ctx.workspace),))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        admin.execute(statement.format(table).encode())


def test_mon_10_no_role_of_the_application_may_change_what_was_issued(admin: Admin) -> None:
    found = admin.execute(
        """
        select r.rolname, t.name, p.name
        from pg_roles as r, unnest(%s::text[]) as t (name), unnest('{update,delete,truncate}'::text[]) as p (name)
        where (r.rolname like 'm\\_%%' or r.rolname = 'nexusone_app') and r.rolname <> 'm_erasure'
            and (has_table_privilege(r.oid, 'billing.' || t.name, p.name)
                or (p.name = 'update' and has_any_column_privilege(r.oid, 'billing.' || t.name, 'update')))
        """,
        (list(CONTENT),),
    ).fetchall()
    assert found == []


async def test_nobody_is_invoiced_without_a_billing_profile(ctx: Context) -> None:
    with pytest.raises(BillingProfileMissing):
        await issue(ctx, 100)


async def test_an_invoice_is_paid_once_and_says_so_once(ctx: Context, admin: Admin) -> None:
    invoice = await issue(await bill_to(ctx), 100)
    payment, other = new_id(), new_id()
    outcomes = []
    for used in (payment, payment, other):
        async with ctx.transaction("billing") as tx:
            outcomes.append(await invoicing.mark_paid(ctx, tx, invoice_id=invoice, payment_id=used))
    assert outcomes == [True, True, False]
    assert told(admin, ctx) == {"billing.invoice.issued.v1": 1, "billing.invoice.paid.v1": 1}


async def test_failed_attempts_are_counted_and_leave_the_invoice_open(ctx: Context, admin: Admin) -> None:
    invoice = await issue(await bill_to(ctx), 100)
    for _ in range(2):
        async with ctx.transaction("billing") as tx:
            await invoicing.mark_failed(ctx, tx, invoice_id=invoice, reason="declined")
    async with ctx.transaction("billing") as tx:
        assert await invoicing.mark_paid(ctx, tx, invoice_id=invoice, payment_id=new_id())
        await invoicing.mark_failed(ctx, tx, invoice_id=invoice, reason="late news")
    assert told(admin, ctx)["billing.invoice.payment_failed.v1"] == 2


async def test_an_invoice_of_nothing_is_paid_at_once(ctx: Context, admin: Admin) -> None:
    await issue(await bill_to(ctx), 100, -100)
    assert told(admin, ctx) == {"billing.invoice.issued.v1": 1, "billing.invoice.paid.v1": 1}


async def test_a_void_invoice_is_not_paid_and_a_paid_one_not_voided(ctx: Context) -> None:
    await bill_to(ctx)
    first, second = await issue(ctx, 100), await issue(ctx, 100)
    async with ctx.transaction("billing") as tx:
        await invoicing.void(ctx, tx, invoice_id=first)
        assert not await invoicing.mark_paid(ctx, tx, invoice_id=first, payment_id=new_id())
        assert await invoicing.mark_paid(ctx, tx, invoice_id=second, payment_id=new_id())
    with pytest.raises(InvoiceSettled):
        async with ctx.transaction("billing") as tx:
            await invoicing.void(ctx, tx, invoice_id=second)


async def test_another_workspaces_invoice_is_not_found(ctx: Context, make_context: ContextMaker) -> None:
    invoice, other = await issue(await bill_to(ctx), 100), make_context()
    with pytest.raises(InvoiceNotFound):
        async with other.transaction("billing") as tx:
            await invoicing.mark_paid(other, tx, invoice_id=invoice, payment_id=new_id())


def told(admin: Admin, ctx: Context) -> dict[object, int]:
    """How often each event of the workspace was announced."""
    admin.rollback()
    found = admin.execute("select name from platform.event where workspace_id = %s", (ctx.workspace,)).fetchall()
    return dict(Counter(name for (name,) in found))
