"""An agency's pool: its terms, the shares of its clients, and what the agency charges them."""

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from nexusone.kernel.money import credits_from_text, credits_to_text
from nexusone.modules.billing.contracts.pools import Pool, PoolShare, PoolShareWish, PoolWish, RebillingLine, RebillingStatement
from nexusone.modules.billing.domain.mark_ups import with_mark_up
from nexusone.modules.billing.domain.percents import hundredths_from_text, hundredths_to_text
from nexusone.modules.billing.service import entitlements
from nexusone.modules.billing.service.balances import get_balance
from nexusone.modules.billing.service.pools_drawing import RETURN_PURPOSE, month_of, return_unused
from nexusone.modules.billing.service.refusals_plans import ClientNotFound
from nexusone.modules.billing.store import pools
from nexusone.modules.billing.store.pools import PoolRow, ShareRow
from nexusone.modules.identity import api as identity
from nexusone.platform.audit import record
from nexusone.platform.runtime import Context

CLOSED = PoolRow(is_open=False, monthly_micros=None, mark_up_hundredths=0)
AGENCY = "agency"
# A spreadsheet would take a name that begins like this for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def get_pool(ctx: Context) -> Pool:
    """The agency's pool, with the parts of its clients and what they drew this month."""
    clients = await identity.list_clients(ctx)
    async with ctx.transaction("billing") as tx:
        row = await pools.find_pool(tx, workspace_id=ctx.workspace) or CLOSED
        shares = {share.client_id: share for share in await pools.list_shares(tx, workspace_id=ctx.workspace, month=month_of(ctx))}
    return Pool(
        is_open=row.is_open,
        monthly_limit=_credits(row.monthly_micros),
        mark_up_percent=hundredths_to_text(row.mark_up_hundredths),
        available=credits_to_text((await get_balance(ctx)).available_micros),
        items=[_share(row, shares.get(client_id) or _outside(client_id)) for client_id in sorted(clients)],
    )


async def put_pool(ctx: Context, *, wanted: PoolWish) -> Pool:
    """Opens or closes the pool, and sets the terms of clients that have none of their own.

    Raises:
        NotInPlan: the plan is without agencies.
    """
    if wanted.is_open:
        await entitlements.check(ctx, feature=AGENCY)
    row = PoolRow(wanted.is_open, _micros(wanted.monthly_limit), hundredths_from_text(wanted.mark_up_percent))
    async with ctx.transaction("billing") as tx:
        await pools.put_pool(tx, row, workspace_id=ctx.workspace, now=ctx.now())
        await record(tx, action="billing.pool.put", object_kind="pool", object_id=str(ctx.workspace), after=wanted.model_dump(mode="json"))
    return await get_pool(ctx)


async def put_share(ctx: Context, *, client_id: UUID, wanted: PoolShareWish) -> PoolShare:
    """Sets a client's part in the pool; one that leaves gives back what it has not used.

    Raises:
        ClientNotFound: the agency has no such workspace.
    """
    if client_id not in await identity.list_clients(ctx):
        raise ClientNotFound
    mark_up = None if wanted.mark_up_percent is None else hundredths_from_text(wanted.mark_up_percent)
    row = ShareRow(client_id, wanted.is_member, _micros(wanted.monthly_limit), mark_up, 0)
    async with ctx.transaction("billing") as tx:
        await pools.put_share(tx, row, workspace_id=ctx.workspace, now=ctx.now())
        await record(
            tx, action="billing.pool_share.put", object_kind="workspace", object_id=str(client_id), after=wanted.model_dump(mode="json")
        )
    # The agency's side decides; the client's only says where to ask.
    client = ctx.runtime.system(client_id)
    async with client.transaction("billing") as tx:
        await pools.put_membership(tx, workspace_id=client_id, agency_id=ctx.workspace, is_member=wanted.is_member, now=ctx.now())
    if not wanted.is_member:
        await return_unused(client, agency_id=ctx.workspace)
    async with ctx.transaction("billing") as tx:
        terms = await pools.find_pool(tx, workspace_id=ctx.workspace) or CLOSED
        shares = await pools.list_shares(tx, workspace_id=ctx.workspace, month=month_of(ctx))
    drawn = next(share.drawn_micros for share in shares if share.client_id == client_id)
    return _share(terms, replace(row, drawn_micros=drawn))


async def get_statement(ctx: Context, *, month: date | None) -> RebillingStatement:
    """What each client used in a month (by default the present one), and its price with the mark-up."""
    since = datetime.combine((month or month_of(ctx)).replace(day=1), datetime.min.time(), tzinfo=UTC)
    until = since.replace(year=since.year + since.month // 12, month=since.month % 12 + 1)
    clients = await identity.list_clients(ctx)
    async with ctx.transaction("billing") as tx:
        terms = await pools.find_pool(tx, workspace_id=ctx.workspace) or CLOSED
        shares = {share.client_id: share for share in await pools.list_shares(tx, workspace_id=ctx.workspace, month=since.date())}
    lines, cost, price = [], 0, 0
    for client_id, name in sorted(clients.items()):
        async with ctx.runtime.system(client_id).transaction("billing") as tx:
            used = await pools.sum_usage(tx, workspace_id=client_id, since=since, until=until, left_out=RETURN_PURPOSE)
        mark_up = _mark_up(terms, shares.get(client_id) or _outside(client_id))
        charged = with_mark_up(used, mark_up_hundredths=mark_up)
        cost, price = cost + used, price + charged
        lines.append(
            RebillingLine(
                workspace_id=client_id,
                workspace_name=name,
                cost=credits_to_text(used),
                mark_up_percent=hundredths_to_text(mark_up),
                price=credits_to_text(charged),
            )
        )
    return RebillingStatement(
        month=f"{since:%Y-%m}",
        is_final=until <= ctx.now(),
        as_of=ctx.now(),
        items=lines,
        cost=credits_to_text(cost),
        price=credits_to_text(price),
    )


def statement_csv(statement: RebillingStatement) -> str:
    """A statement as CSV, one line a client."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("month", "workspace_id", "workspace_name", "cost", "mark_up_percent", "price"))
    for line in statement.items:
        name = f"'{line.workspace_name}" if line.workspace_name.startswith(FORMULA) else line.workspace_name
        writer.writerow((statement.month, line.workspace_id, name, line.cost, line.mark_up_percent, line.price))
    return text.getvalue()


def _share(terms: PoolRow, row: ShareRow) -> PoolShare:
    return PoolShare(
        workspace_id=row.client_id,
        is_member=row.is_member,
        monthly_limit=_credits(terms.monthly_micros if row.monthly_micros is None else row.monthly_micros),
        mark_up_percent=hundredths_to_text(_mark_up(terms, row)),
        drawn_this_month=credits_to_text(row.drawn_micros),
    )


def _mark_up(terms: PoolRow, row: ShareRow) -> int:
    return terms.mark_up_hundredths if row.mark_up_hundredths is None else row.mark_up_hundredths


def _outside(client_id: UUID) -> ShareRow:
    return ShareRow(client_id, is_member=False, monthly_micros=None, mark_up_hundredths=None, drawn_micros=0)


def _credits(micros: int | None) -> str | None:
    return None if micros is None else credits_to_text(micros)


def _micros(credits_text: str | None) -> int | None:
    return None if credits_text is None else credits_from_text(credits_text)
