"""SQL of holding: the account is locked first, then the grants."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.domain.resolution import HoldState
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context
from nexusone.platform.sql import fragment, sql

# From the grant that burns first, where it suffices alone.
_TAKEN = fragment("""taken as (
    update billing.grant_ as g
    set remaining_micros = g.remaining_micros - %(amount)s::bigint, is_open = g.remaining_micros > %(amount)s::bigint
    from moved
    where g.workspace_id = %(workspace_id)s and g.remaining_micros >= %(amount)s::bigint and g.id = (
        select f.id from billing.grant_ as f
        where f.workspace_id = %(workspace_id)s and f.is_open and (f.expires_at is null or f.expires_at > %(now)s)
        order by f.priority, f.expires_at, f.id
        limit 1
    )
    returning g.id
)""")

# The common case alone in its transaction: the first grant suffices, no cap is set, the key is new. What is moved without a hold is undone,
# and the longer way tells why. Updating the account first puts concurrent bookings in order; the grant is then compared in its newest
# version. Every part of the statement is paid for each time, so it has no more than it needs.
HOLD_IN_ONE_TRIP = fragment("""
with moved as (
    update billing.account
    set available_micros = available_micros - %(amount)s::bigint, held_micros = held_micros + %(amount)s::bigint
    where workspace_id = %(workspace_id)s and available_micros >= %(amount)s::bigint and not has_caps
    returning workspace_id
), {taken}, held as (
    insert into billing.hold
        (workspace_id, key, id, purpose, amount_micros, state, grant_ids, grant_micros, subjects, created_at, expires_at)
    select %(workspace_id)s, %(key)s, %(hold_id)s, %(purpose)s, %(amount)s, 'held',
        array[taken.id], array[%(amount)s::bigint], %(subjects)s::text[], %(now)s, %(expires_at)s
    from taken
    on conflict (workspace_id, key) do nothing
    returning id, grant_ids[1] as grant_id
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, %(transfer_key)s, 'hold', %(key)s, %(purpose)s, %(amount)s, %(now)s
    from held
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, %(transfer_id)s, line.account, held.grant_id, line.amount
    from held, (values ('available', -%(amount)s::bigint), ('held', %(amount)s::bigint)) as line (account, amount)
)
select true as is_held
from moved left join held on true
where held.id is not null or billing.give_way()
""").fill(taken=_TAKEN)

HOLD = fragment("""
with known as (
    select id, key, purpose, amount_micros, settled_micros, closing_micros, state, expires_at
    from billing.hold
    where workspace_id = %(workspace_id)s and key = %(key)s
), moved as (
    update billing.account
    set available_micros = available_micros - %(amount)s::bigint, held_micros = held_micros + %(amount)s::bigint
    where workspace_id = %(workspace_id)s and available_micros >= %(amount)s::bigint and not exists (select 1 from known)
    returning workspace_id
), {taken}, held as (
    insert into billing.hold
        (workspace_id, key, id, purpose, amount_micros, state, grant_ids, grant_micros, counted, subjects, created_at, expires_at)
    select %(workspace_id)s, %(key)s, %(hold_id)s, %(purpose)s, %(amount)s, 'held',
        array[taken.id], array[%(amount)s::bigint], %(counted)s::uuid[], %(subjects)s::text[], %(now)s, %(expires_at)s
    from taken
    on conflict (workspace_id, key) do nothing
    returning id, key, purpose, amount_micros, settled_micros, closing_micros, state, expires_at
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, %(transfer_key)s, 'hold', held.key, held.purpose, held.amount_micros, %(now)s
    from held
    returning id
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, booked.id, line.account, taken.id, line.amount
    from booked, taken, (values ('available', -%(amount)s::bigint), ('held', %(amount)s::bigint)) as line (account, amount)
)
select exists (select 1 from moved) as is_moved, exists (select 1 from taken) as is_taken,
    exists (select 1 from held) as is_new, hold.*
from (values (1)) as always (row)
left join (select * from held union all select * from known) as hold on true
""").fill(taken=_TAKEN)

FIND_HOLD = sql("""
select id, key, purpose, amount_micros, settled_micros, closing_micros, state, expires_at
from billing.hold
where workspace_id = %(workspace_id)s and key = %(key)s
""")

KEEP = sql("""
update billing.hold
set expires_at = greatest(expires_at, %(until)s::timestamptz), kept_at = coalesce(kept_at, %(now)s::timestamptz)
where workspace_id = %(workspace_id)s and key = %(key)s and state = 'held'
returning id, key, purpose, amount_micros, settled_micros, closing_micros, state, expires_at
""")

# Goes on in the transaction in which HOLD has moved the account and found the first grant too small.
HOLD_ACROSS_GRANTS = sql("""
with taken as materialized (
    select grant_id, taken from billing.take_from_grants(%(workspace_id)s, %(amount)s, %(now)s)
), held as (
    insert into billing.hold
        (workspace_id, key, id, purpose, amount_micros, state, grant_ids, grant_micros, counted, subjects, created_at, expires_at)
    select %(workspace_id)s, %(key)s, %(hold_id)s, %(purpose)s, %(amount)s, 'held',
        array_agg(taken.grant_id), array_agg(taken.taken), %(counted)s::uuid[], %(subjects)s::text[], %(now)s, %(expires_at)s
    from taken
    having sum(taken.taken) = %(amount)s
    on conflict (workspace_id, key) do nothing
    returning id, key, purpose, amount_micros, settled_micros, closing_micros, state, expires_at
), booked as (
    insert into billing.transfer (workspace_id, id, key, kind, subject_key, purpose, amount_micros, created_at)
    select %(workspace_id)s, %(transfer_id)s, %(transfer_key)s, 'hold', held.key, held.purpose, held.amount_micros, %(now)s
    from held
    returning id
), lines as (
    insert into billing.entry (workspace_id, transfer_id, account, grant_id, amount_micros)
    select %(workspace_id)s, booked.id, line.account, taken.grant_id, line.sign * taken.taken
    from booked, taken, (values ('available', -1), ('held', 1)) as line (account, sign)
)
select true as is_moved, (select coalesce(sum(taken), 0)::bigint from taken) = %(amount)s as is_taken,
    exists (select 1 from held) as is_new, held.*
from (values (1)) as always (row)
left join held on true
""")


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold; `closing_micros` is what its last settle booked."""

    id: UUID
    key: str
    purpose: str
    amount_micros: int
    settled_micros: int
    closing_micros: int | None
    state: HoldState
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewHold:
    """What is to be held; `subjects`: the member or key and the job it stands for, `counted`: the counters of caps it stands in."""

    workspace_id: UUID
    key: str
    purpose: str
    amount: int
    now: datetime
    expires_at: datetime
    hold_id: UUID
    transfer_id: UUID
    subjects: tuple[str, ...] = ()
    counted: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldAttempt:
    """`hold` is the new one, the one known under the key, or None where nothing could be held.

    `is_short`: the account covers the amount and the first grant alone does not. `is_overtaken`: the key was taken meanwhile.
    """

    hold: HoldRow | None
    is_short: bool = False
    is_overtaken: bool = False


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """What the statements that hold answer; the columns of the hold are null where there is none."""

    is_moved: bool
    is_taken: bool
    is_new: bool
    id: UUID | None
    key: str | None
    purpose: str | None
    amount_micros: int | None
    settled_micros: int | None
    closing_micros: int | None
    state: HoldState | None
    expires_at: datetime | None

    def attempt(self) -> HoldAttempt:
        """The answer's meaning."""
        is_short = self.is_moved and not self.is_taken
        return HoldAttempt(self._hold(), is_short=is_short, is_overtaken=self.is_taken and not self.is_new)

    def _hold(self) -> HoldRow | None:
        if self.id is None or self.key is None or self.purpose is None or self.state is None or self.expires_at is None:
            return None
        amount, settled = self.amount_micros or 0, self.settled_micros or 0
        return HoldRow(self.id, self.key, self.purpose, amount, settled, self.closing_micros, self.state, self.expires_at)


@dataclass(frozen=True, slots=True)
class IsHeldRow:
    """What the short way answers."""

    is_held: bool


async def hold_in_one_trip(ctx: Context, wanted: NewHold) -> HoldRow | None:
    """The common case, committed in one round trip; None where it takes more to tell."""
    if not await ctx.try_in_one_trip("billing", IsHeldRow, HOLD_IN_ONE_TRIP, _hold_parameters(wanted)):
        return None
    return HoldRow(wanted.hold_id, wanted.key, wanted.purpose, wanted.amount, 0, None, "held", wanted.expires_at)


async def hold_from_first_grant(tx: Transaction, wanted: NewHold) -> HoldAttempt:
    """The common case, in one statement."""
    row = await tx.fetch_one(AttemptRow, HOLD, _hold_parameters(wanted))
    return row.attempt()


async def hold_across_grants(tx: Transaction, wanted: NewHold) -> HoldAttempt:
    """The rest of a hold that was `is_short`; `is_short` again where all living grants together do not cover it."""
    row = await tx.fetch_one(AttemptRow, HOLD_ACROSS_GRANTS, _hold_parameters(wanted))
    return row.attempt()


async def find_hold(tx: Transaction, *, workspace_id: UUID, key: str) -> HoldRow | None:
    """A hold."""
    return await tx.find_one(HoldRow, FIND_HOLD, {"workspace_id": workspace_id, "key": key})


async def keep(tx: Transaction, *, workspace_id: UUID, key: str, until: datetime, now: datetime) -> HoldRow | None:
    """Keeps a hold that is held until then at least; None for any other."""
    return await tx.find_one(HoldRow, KEEP, {"workspace_id": workspace_id, "key": key, "until": until, "now": now})


def _hold_parameters(wanted: NewHold) -> dict[str, object]:
    return {
        "workspace_id": wanted.workspace_id,
        "key": wanted.key,
        "purpose": wanted.purpose,
        "amount": wanted.amount,
        "now": wanted.now,
        "expires_at": wanted.expires_at,
        "hold_id": wanted.hold_id,
        "transfer_id": wanted.transfer_id,
        "transfer_key": f"{wanted.hold_id}:hold",
        "subjects": list(wanted.subjects),
        "counted": list(wanted.counted),
    }
