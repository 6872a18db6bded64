"""SQL of billing profiles and of the checks of their VAT ids."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.contracts.invoices import VatCheckOutcome
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

FIND_PROFILE = sql("""
select legal_name, street, postal_code, city, region, country, vat_id, vat_outcome, vat_checked_at, email, currency, locale, version,
    updated_at
from billing.billing_profile
where workspace_id = %(workspace_id)s
""")

PUT_PROFILE = sql("""
insert into billing.billing_profile as p
    (workspace_id, legal_name, street, postal_code, city, region, country, vat_id, vat_outcome, vat_recheck_at, email, currency,
     locale, updated_at)
values (%(workspace_id)s, %(legal_name)s, %(street)s, %(postal_code)s, %(city)s, %(region)s, %(country)s, %(vat_id)s,
    case when %(vat_id)s::text is not null then 'unknown' end, case when %(vat_id)s::text is not null then %(now)s::timestamptz end,
    %(email)s, %(currency)s, %(locale)s, %(now)s)
on conflict (workspace_id) do update
set legal_name = excluded.legal_name, street = excluded.street, postal_code = excluded.postal_code, city = excluded.city,
    region = excluded.region, country = excluded.country, email = excluded.email, currency = excluded.currency,
    locale = excluded.locale, updated_at = excluded.updated_at, version = p.version + 1, vat_id = excluded.vat_id,
    vat_outcome = case when p.vat_id = excluded.vat_id then p.vat_outcome else excluded.vat_outcome end,
    vat_checked_at = case when p.vat_id = excluded.vat_id then p.vat_checked_at end,
    vat_recheck_at = case when p.vat_id = excluded.vat_id then p.vat_recheck_at else excluded.vat_recheck_at end
where %(version)s::bigint is null or p.version = %(version)s::bigint
returning legal_name, street, postal_code, city, region, country, vat_id, vat_outcome, vat_checked_at, email, currency, locale, version,
    updated_at
""")

RECORD_CHECK = sql("""
with answer as (
    insert into billing.vat_id_check (workspace_id, id, vat_id, outcome, reference, checked_at)
    values (%(workspace_id)s, %(id)s, %(vat_id)s, %(outcome)s, %(reference)s, %(now)s)
)
update billing.billing_profile
set vat_outcome = case when %(outcome)s = 'unknown' then vat_outcome else %(outcome)s end,
    vat_checked_at = case when %(outcome)s = 'unknown' then vat_checked_at else %(now)s end,
    vat_recheck_at = %(recheck_at)s
where workspace_id = %(workspace_id)s and vat_id = %(vat_id)s
""")

LIST_DUE_CHECKS = sql("""
select workspace_id from billing.billing_profile where vat_recheck_at <= %(now)s order by vat_recheck_at limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """Who is billed."""

    legal_name: str
    street: str
    postal_code: str
    city: str
    region: str
    country: str
    vat_id: str | None
    vat_outcome: VatCheckOutcome | None
    vat_checked_at: datetime | None
    email: str
    currency: str
    locale: str
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewProfile:
    """Who is to be billed; `version` is what must be there now (None: any)."""

    workspace_id: UUID
    legal_name: str
    street: str
    postal_code: str
    city: str
    region: str
    country: str
    vat_id: str | None
    email: str
    currency: str
    locale: str
    version: int | None
    now: datetime


@dataclass(frozen=True, slots=True)
class CheckedVatId:
    """An answer about a VAT id, and when to ask again."""

    workspace_id: UUID
    id: UUID
    vat_id: str
    outcome: VatCheckOutcome
    reference: str | None
    now: datetime
    recheck_at: datetime


async def find_profile(tx: Transaction, *, workspace_id: UUID) -> ProfileRow | None:
    """The workspace's profile, or None."""
    return await tx.find_one(ProfileRow, FIND_PROFILE, {"workspace_id": workspace_id})


async def put_profile(tx: Transaction, wanted: NewProfile) -> ProfileRow | None:
    """Writes the profile; None where another version is there."""
    return await tx.find_one(ProfileRow, PUT_PROFILE, _columns(wanted))


async def record_check(tx: Transaction, checked: CheckedVatId) -> None:
    """Keeps the answer; one that says nothing leaves what was known."""
    await tx.execute(RECORD_CHECK, _columns(checked))


async def list_due_checks(tx: Transaction, *, now: datetime, limit: int) -> list[UUID]:
    """The workspaces whose VAT id is to be asked for again."""
    return [row[0] for row in await tx.fetch_tuples(LIST_DUE_CHECKS, {"now": now, "limit": limit})]


def _columns(row: NewProfile | CheckedVatId) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__slots__}
