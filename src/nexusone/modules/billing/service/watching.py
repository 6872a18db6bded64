"""Watching for low balances: whoever pays is told once a threshold is crossed, and more credits are bought where that is wanted.

What counts is what is unspent, available and held together: a hold that is released has crossed nothing.
"""

from nexusone.kernel.errors import FieldError
from nexusone.kernel.money import credits_from_text, credits_to_text
from nexusone.modules.billing.contracts.caps import Alert, Alerts, AlertsWish, TopUp, TopUpWish
from nexusone.modules.billing.domain.watching import Threshold, TopUpTerms, crossed, rearmed, topped_up, watch_below
from nexusone.modules.billing.events.ledger import AlertsChanged, BalanceLow, TopUpChanged, TopUpWanted
from nexusone.modules.billing.service.refusals_credits import SettingFaulty
from nexusone.modules.billing.store import caps, watching
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

WORKSPACES_MAX = 10_000


async def look(ctx: Context, tx: Transaction) -> None:
    """Tells what the transaction's bookings crossed, and sets what is watched for next; locks the account."""
    found = await watching.lock_watched(tx, workspace_id=ctx.workspace)
    for threshold in crossed(found.thresholds, unspent=found.unspent):
        await publish(tx, BalanceLow(threshold_micros=threshold.micros, unspent_micros=found.unspent))
    thresholds = rearmed(found.thresholds, unspent=found.unspent)
    if thresholds != found.thresholds:
        await watching.put_thresholds(tx, thresholds, workspace_id=ctx.workspace)
    terms = await _topped_up(ctx, tx, found.top_up, unspent=found.unspent)
    is_watched = bool(thresholds) or terms is not None
    await watching.watch(tx, workspace_id=ctx.workspace, below=watch_below(thresholds, terms), is_watched=is_watched)


async def list_alerts(ctx: Context) -> Alerts:
    """The thresholds, the highest first."""
    async with ctx.transaction("billing") as tx:
        return _alerts(await watching.list_thresholds(tx, workspace_id=ctx.workspace))


async def put_alerts(ctx: Context, *, wanted: AlertsWish) -> Alerts:
    """Puts thresholds in place of those before; one that is crossed already tells nothing until the credits were above it.

    Raises:
        SettingFaulty: a threshold is there twice.
    """
    micros = [credits_from_text(threshold) for threshold in wanted.thresholds]
    if len(set(micros)) < len(micros):
        raise SettingFaulty(errors=(FieldError(pointer="/thresholds", code="repeated", detail="each threshold once"),))

    async def work(tx: Transaction) -> Alerts:
        await caps.open_account(tx, workspace_id=ctx.workspace, now=ctx.now())
        before = {known.micros: known.is_armed for known in await watching.list_thresholds(tx, workspace_id=ctx.workspace)}
        await watching.clear_thresholds(tx, workspace_id=ctx.workspace)
        fresh = [Threshold(each, is_armed=before.get(each, False)) for each in micros]
        await watching.put_thresholds(tx, fresh, workspace_id=ctx.workspace)
        await publish(tx, AlertsChanged(thresholds=[credits_to_text(each) for each in sorted(micros, reverse=True)]))
        await look(ctx, tx)
        return _alerts(await watching.list_thresholds(tx, workspace_id=ctx.workspace))

    return await ctx.atomically("billing", work)


async def get_top_up(ctx: Context) -> TopUp:
    """The automatic top-up; disabled, with zeros, where none was ever set."""
    async with ctx.transaction("billing") as tx:
        terms = await watching.find_top_up(tx, workspace_id=ctx.workspace)
    return _top_up(ctx, terms)


async def put_top_up(ctx: Context, *, wanted: TopUpWish) -> TopUp:
    """Sets the automatic top-up; where the credits are low already, more are wanted at once. Raises: SettingFaulty."""
    amount, most = credits_from_text(wanted.amount), credits_from_text(wanted.monthly_maximum)
    threshold = credits_from_text(wanted.threshold)
    if most < amount:
        fault = FieldError(pointer="/monthly_maximum", code="too_small", detail="a month allows one top-up at least")
        raise SettingFaulty(errors=(fault,))
    month = ctx.now().date().replace(day=1)

    async def work(tx: Transaction) -> TopUp:
        await caps.open_account(tx, workspace_id=ctx.workspace, now=ctx.now())
        known = await watching.find_top_up(tx, workspace_id=ctx.workspace)
        asked = known.wanted if known is not None and known.month == month else 0
        is_other = known is None or not known.is_enabled or known.threshold != threshold
        terms = TopUpTerms(
            wanted.is_enabled,
            threshold,
            amount,
            most,
            is_armed=is_other or (known is not None and known.is_armed),
            month=month,
            wanted=asked,
        )
        await watching.put_top_up(tx, terms, workspace_id=ctx.workspace)
        changed = TopUpChanged(is_enabled=wanted.is_enabled, threshold_micros=threshold, top_up_micros=amount, monthly_maximum_micros=most)
        await publish(tx, changed)
        await look(ctx, tx)
        return _top_up(ctx, await watching.find_top_up(tx, workspace_id=ctx.workspace))

    return await ctx.atomically("billing", work)


async def renew_top_ups(ctx: Context) -> None:
    """Looks again, by the clock, where a month allowed no further top-up and another month began."""
    async with ctx.transaction("system") as tx:
        month = ctx.now().date().replace(day=1)
        found = await watching.list_stale_top_ups(tx, month=month, limit=WORKSPACES_MAX)
    for workspace_id in found:
        inside = ctx.for_workspace(workspace_id)
        async with inside.transaction("billing") as tx:
            await look(inside, tx)


async def _topped_up(ctx: Context, tx: Transaction, terms: TopUpTerms | None, *, unspent: int) -> TopUpTerms | None:
    if terms is None:
        return None
    after, buys = topped_up(terms, unspent=unspent, today=ctx.now().date())
    if buys:
        await publish(tx, TopUpWanted(wanted_micros=buys, unspent_micros=unspent))
    if after != terms:
        await watching.put_top_up(tx, after, workspace_id=ctx.workspace)
    return after


def _alerts(thresholds: list[Threshold]) -> Alerts:
    return Alerts(alerts=[Alert(threshold=credits_to_text(each.micros), is_armed=each.is_armed) for each in thresholds])


def _top_up(ctx: Context, terms: TopUpTerms | None) -> TopUp:
    if terms is None:
        return TopUp(is_enabled=False, threshold="0", amount="0", monthly_maximum="0", wanted_this_month="0")
    is_this_month = terms.month == ctx.now().date().replace(day=1)
    return TopUp(
        is_enabled=terms.is_enabled,
        threshold=credits_to_text(terms.threshold),
        amount=credits_to_text(terms.amount),
        monthly_maximum=credits_to_text(terms.monthly_max),
        wanted_this_month=credits_to_text(terms.wanted if is_this_month else 0),
    )
