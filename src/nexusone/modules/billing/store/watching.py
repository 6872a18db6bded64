"""SQL of watching for low balances; the account is locked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from nexusone.modules.billing.domain.watching import Threshold, TopUpTerms
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LOCK_UNSPENT = sql("""
select available_micros + held_micros from billing.account where workspace_id = %(workspace_id)s for update
""")

LIST_THRESHOLDS = sql("""
select threshold_micros as micros, is_armed from billing.alert_threshold
where workspace_id = %(workspace_id)s
order by threshold_micros desc
""")

FIND_TOP_UP = sql("""
select is_enabled, threshold_micros as threshold, amount_micros as amount, monthly_max_micros as monthly_max, is_armed, month,
    wanted_micros as wanted
from billing.top_up
where workspace_id = %(workspace_id)s
""")

CLEAR_THRESHOLDS = sql("delete from billing.alert_threshold where workspace_id = %(workspace_id)s")

PUT_THRESHOLDS = sql("""
insert into billing.alert_threshold (workspace_id, threshold_micros, is_armed)
select %(workspace_id)s, t.micros, t.is_armed
from unnest(%(thresholds)s::bigint[], %(armed)s::boolean[]) as t (micros, is_armed)
on conflict (workspace_id, threshold_micros) do update set is_armed = excluded.is_armed
""")

PUT_TOP_UP = sql("""
insert into billing.top_up
    (workspace_id, is_enabled, threshold_micros, amount_micros, monthly_max_micros, is_armed, month, wanted_micros)
values (%(workspace_id)s, %(is_enabled)s, %(threshold)s, %(amount)s, %(monthly_max)s, %(is_armed)s, %(month)s, %(wanted)s)
on conflict (workspace_id) do update
set is_enabled = excluded.is_enabled, threshold_micros = excluded.threshold_micros, amount_micros = excluded.amount_micros,
    monthly_max_micros = excluded.monthly_max_micros, is_armed = excluded.is_armed, month = excluded.month,
    wanted_micros = excluded.wanted_micros
""")

WATCH = sql("""
update billing.account set is_watched = %(is_watched)s, watch_below_micros = %(below)s where workspace_id = %(workspace_id)s
""")

# Top-ups that were asked for all that a month allows, in a month that is over.
LIST_STALE_TOP_UPS = sql("""
select workspace_id from billing.top_up where is_enabled and not is_armed and month < %(month)s limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class Watched:
    """What a workspace watches for, and how many credits are unspent."""

    unspent: int
    thresholds: list[Threshold]
    top_up: TopUpTerms | None


async def lock_watched(tx: Transaction, *, workspace_id: UUID) -> Watched:
    """Reads it, and locks the account, which must be there."""
    mine = {"workspace_id": workspace_id}
    unspent = await tx.fetch_value(int, LOCK_UNSPENT, mine)
    thresholds = await tx.fetch_all(Threshold, LIST_THRESHOLDS, mine)
    return Watched(unspent, thresholds, await tx.find_one(TopUpTerms, FIND_TOP_UP, mine))


async def find_top_up(tx: Transaction, *, workspace_id: UUID) -> TopUpTerms | None:
    """The automatic top-up."""
    return await tx.find_one(TopUpTerms, FIND_TOP_UP, {"workspace_id": workspace_id})


async def list_thresholds(tx: Transaction, *, workspace_id: UUID) -> list[Threshold]:
    """The thresholds of alerts, the highest first."""
    return await tx.fetch_all(Threshold, LIST_THRESHOLDS, {"workspace_id": workspace_id})


async def clear_thresholds(tx: Transaction, *, workspace_id: UUID) -> None:
    """Takes all away."""
    await tx.execute(CLEAR_THRESHOLDS, {"workspace_id": workspace_id})


async def put_thresholds(tx: Transaction, thresholds: Sequence[Threshold], *, workspace_id: UUID) -> None:
    """Writes them, new and known ones."""
    parameters = {"thresholds": [each.micros for each in thresholds], "armed": [each.is_armed for each in thresholds]}
    await tx.execute(PUT_THRESHOLDS, {"workspace_id": workspace_id, **parameters})


async def put_top_up(tx: Transaction, terms: TopUpTerms, *, workspace_id: UUID) -> None:
    """Writes the automatic top-up."""
    parameters = {
        "workspace_id": workspace_id,
        "is_enabled": terms.is_enabled,
        "threshold": terms.threshold,
        "amount": terms.amount,
        "monthly_max": terms.monthly_max,
        "is_armed": terms.is_armed,
        "month": terms.month,
        "wanted": terms.wanted,
    }
    await tx.execute(PUT_TOP_UP, parameters)


async def watch(tx: Transaction, *, workspace_id: UUID, below: int, is_watched: bool) -> None:
    """Writes below which number the account is looked at again."""
    await tx.execute(WATCH, {"workspace_id": workspace_id, "below": below, "is_watched": is_watched})


async def list_stale_top_ups(tx: Transaction, *, month: date, limit: int) -> list[UUID]:
    """In the system context: workspaces whose top-up may ask again because a month began."""
    return [row[0] for row in await tx.fetch_tuples(LIST_STALE_TOP_UPS, {"month": month, "limit": limit})]
