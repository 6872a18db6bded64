"""Day by day, our payments against the vendors' lists: what is missing on one side, or differs, becomes an incident."""

from datetime import UTC, datetime, timedelta

import structlog

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.domain.payments import read_reference
from nexusone.modules.billing.ports import PaymentGateway, VendorPayment
from nexusone.modules.billing.service.payment_gateways import gateways
from nexusone.modules.billing.service.payments_incidents import Difference, note
from nexusone.modules.billing.store import payments
from nexusone.modules.billing.store.payments import CapturedRow
from nexusone.platform.runtime import Context

# Vendors' reports run hours behind, and their days are cut elsewhere: the day before yesterday is whole everywhere.
DAYS_BACK = 2
MARGIN = timedelta(days=1)

_log = structlog.get_logger(__name__)


async def reconcile_yesterday(ctx: Context) -> None:
    """Every gateway's last whole day; takes the system context."""
    start = datetime.combine(ctx.now().date() - timedelta(days=DAYS_BACK), datetime.min.time(), UTC)
    for name in gateways(ctx).by_name:
        try:
            await reconcile(ctx, gateway=name, since=start, until=start + timedelta(days=1))
        except (DefiniteFailure, UnknownOutcome) as error:
            # The others' lists are looked at all the same; who reads the log sees that a day was not compared.
            _log.error("payments.not_reconciled", gateway=name, day=start.date().isoformat(), error=str(error))


async def reconcile(ctx: Context, *, gateway: str, since: datetime, until: datetime) -> int:
    """One gateway's payments of that time, both ways; returns how many incidents are new.

    Raises:
        DefiniteFailure, UnknownOutcome: the vendor's list was not to be had.
    """
    vendor: PaymentGateway = gateways(ctx).by_name[gateway]
    there = await vendor.list_payments(since=since - MARGIN, until=until + MARGIN)
    async with ctx.transaction("system") as tx:
        here = await payments.list_captured(tx, gateway=gateway, since=since - MARGIN, until=until + MARGIN)
    told = 0
    for difference, ours in _differences(there, here, since=since, until=until):
        inside = ctx if ours is None else ctx.for_workspace(ours.workspace_id)
        async with inside.transaction("billing") as tx:
            told += await note(inside, tx, gateway=gateway, difference=difference)
    return told


def _differences(
    there: list[VendorPayment], here: list[CapturedRow], *, since: datetime, until: datetime
) -> list[tuple[Difference, CapturedRow | None]]:
    by_id = {row.id: row for row in here}
    found: list[tuple[Difference, CapturedRow | None]] = []
    seen = set()
    for listed in there:
        ours = read_reference(listed.reference)
        row = None if ours is None else by_id.get(ours[1])
        if row is not None:
            seen.add(row.id)
        is_due = since <= listed.created_at < until
        if row is None and is_due:
            found.append((_missing_here(listed), None))
        elif row is not None and (listed.amount.amount, listed.amount.currency) != (row.amount_minor, row.currency):
            found.append((_differing(listed, row), row))
    for row in here:
        if row.id not in seen and since <= row.captured_at < until:
            found.append((_missing_there(row), row))
    return found


def _missing_here(listed: VendorPayment) -> Difference:
    return Difference("missing_here", listed.subject, None, expected=None, found=listed.amount.amount, currency=listed.amount.currency)


def _missing_there(row: CapturedRow) -> Difference:
    return Difference("missing_there", str(row.id), row.id, expected=row.amount_minor, found=None, currency=row.currency)


def _differing(listed: VendorPayment, row: CapturedRow) -> Difference:
    return Difference(
        "amount_differs", listed.subject, row.id, expected=row.amount_minor, found=listed.amount.amount, currency=listed.amount.currency
    )
