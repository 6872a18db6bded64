"""SQL of coupons and of who redeemed them."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.contracts.coupons import CouponDuration, CouponKind
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

_COLUMNS = fragment("""
code, kind, percent_hundredths, amount, currency, duration, periods, plan_codes, redeem_by, uses_max, uses, created_at, ended_at
""")

FIND_COUPON = fragment("select {columns} from billing.coupon where code = %(code)s").fill(columns=_COLUMNS)

LIST_COUPONS = fragment("""
select {columns} from billing.coupon where code > %(after)s order by code limit %(limit)s
""").fill(columns=_COLUMNS)

INSERT_COUPON = sql("""
insert into billing.coupon (
    code, kind, percent_hundredths, amount, currency, duration, periods, plan_codes, redeem_by, uses_max, created_at
)
values (
    %(code)s, %(kind)s, %(percent_hundredths)s, %(amount)s, %(currency)s, %(duration)s, %(periods)s, %(plan_codes)s,
    %(redeem_by)s, %(uses_max)s, %(now)s
)
on conflict (code) do nothing
""")

CHANGE_COUPON = sql("""
update billing.coupon set redeem_by = %(redeem_by)s, uses_max = %(uses_max)s
where code = %(code)s and (%(uses_max)s::bigint is null or uses <= %(uses_max)s::bigint)
""")

END_COUPON = sql("""
update billing.coupon set ended_at = %(now)s where code = %(code)s and ended_at is null
""")

# Of two who want the last use, the second waits here and then finds none left.
COUNT_USE = sql("""
update billing.coupon set uses = uses + 1
where code = %(code)s and (uses_max is null or uses < uses_max) and ended_at is null
    and (redeem_by is null or redeem_by > %(now)s)
""")

INSERT_REDEMPTION = sql("""
insert into billing.coupon_redemption (workspace_id, coupon_code, plan_code, redeemed_at)
values (%(workspace_id)s, %(code)s, %(plan_code)s, %(now)s)
on conflict (workspace_id, coupon_code) do nothing
""")

HAS_REDEEMED = sql("""
select exists (select 1 from billing.coupon_redemption where workspace_id = %(workspace_id)s and coupon_code = %(code)s)
""")


@dataclass(frozen=True, slots=True)
class CouponRow:
    """A coupon; `percent_hundredths` or `amount` (minor units of `currency`)."""

    code: str
    kind: CouponKind
    percent_hundredths: int | None
    amount: int | None
    currency: str | None
    duration: CouponDuration
    periods: int | None
    plan_codes: list[str]
    redeem_by: datetime | None
    uses_max: int | None
    uses: int
    created_at: datetime
    ended_at: datetime | None


async def find_coupon(tx: Transaction, *, code: str) -> CouponRow | None:
    """A coupon."""
    return await tx.find_one(CouponRow, FIND_COUPON, {"code": code})


async def list_coupons(tx: Transaction, *, after: str, limit: int) -> list[CouponRow]:
    """Coupons by their codes."""
    return await tx.fetch_all(CouponRow, LIST_COUPONS, {"after": after, "limit": limit})


async def insert_coupon(tx: Transaction, row: CouponRow) -> bool:
    """Makes a coupon unless there is one; whether it was made."""
    return await tx.execute(INSERT_COUPON, {**asdict(row), "now": row.created_at}) == 1


async def change_coupon(tx: Transaction, *, code: str, redeem_by: datetime | None, uses_max: int | None) -> bool:
    """Changes how often and until when a coupon may be used; not below what it was used already."""
    return await tx.execute(CHANGE_COUPON, {"code": code, "redeem_by": redeem_by, "uses_max": uses_max}) == 1


async def end_coupon(tx: Transaction, *, code: str, now: datetime) -> bool:
    """Lets a coupon be redeemed no more; whoever has redeemed it keeps it."""
    return await tx.execute(END_COUPON, {"code": code, "now": now}) == 1


async def count_use(tx: Transaction, *, code: str, now: datetime) -> bool:
    """Counts one use; False where none is left or the time is over."""
    return await tx.execute(COUNT_USE, {"code": code, "now": now}) == 1


async def insert_redemption(tx: Transaction, *, workspace_id: UUID, code: str, plan_code: str, now: datetime) -> bool:
    """Notes that a workspace has used a coupon; False where it had before."""
    return await tx.execute(INSERT_REDEMPTION, {"workspace_id": workspace_id, "code": code, "plan_code": plan_code, "now": now}) == 1


async def has_redeemed(tx: Transaction, *, workspace_id: UUID, code: str) -> bool:
    """Whether a workspace has used a coupon."""
    return await tx.fetch_value(bool, HAS_REDEEMED, {"workspace_id": workspace_id, "code": code})
