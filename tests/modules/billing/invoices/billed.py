"""Workspaces with somebody to bill, and drafts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from nexusone.modules.billing.domain.invoices import DraftLine, InvoiceDraft
from nexusone.modules.billing.service import invoicing
from nexusone.modules.billing.store import profiles
from nexusone.modules.billing.store.profiles import NewProfile
from nexusone.platform.runtime import Context

DAY = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


async def bill_to(
    ctx: Context, *, country: str = "DE", currency: str = "EUR", locale: str = "en", vat_id: str | None = None, name: str = "Buyer & Co"
) -> Context:
    """The same context, its workspace with a billing profile."""
    wanted = NewProfile(
        workspace_id=ctx.workspace,
        legal_name=name,
        street="Street 1",
        postal_code="10115",
        city="Town",
        region="",
        country=country,
        vat_id=vat_id,
        email="accounts@example.com",
        currency=currency,
        locale=locale,
        version=None,
        now=ctx.now(),
    )
    async with ctx.transaction("billing") as tx:
        await profiles.put_profile(tx, wanted)
    return ctx


def line(amount: int, description: str = "Plan") -> DraftLine:
    """One line."""
    return DraftLine(
        kind="discount" if amount < 0 else "subscription", description=description, quantity=1, unit_amount=amount, amount=amount
    )


def draft(*amounts: int, currency: str = "EUR", subscription_id: UUID | None = None) -> InvoiceDraft:
    """A draft with one line an amount."""
    return InvoiceDraft(
        currency=currency,
        lines=tuple(line(amount, f"Line {number}") for number, amount in enumerate(amounts)),
        period_start=DAY,
        period_end=DAY + timedelta(days=30),
        subscription_id=subscription_id,
        due_at=DAY + timedelta(days=14),
    )


async def issue(ctx: Context, *amounts: int, currency: str = "EUR", wanted: InvoiceDraft | None = None) -> UUID:
    """Issues a draft in a transaction of its own."""
    async with ctx.transaction("billing") as tx:
        return await invoicing.issue(ctx, tx, wanted or draft(*amounts, currency=currency))


def described(wanted: InvoiceDraft, *descriptions: str) -> InvoiceDraft:
    """The same draft with other words on its lines."""
    return replace(wanted, lines=tuple(replace(old, description=new) for old, new in zip(wanted.lines, descriptions, strict=True)))
