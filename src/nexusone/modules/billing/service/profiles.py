"""Who is billed, and whether their VAT id is good."""

import asyncio
from datetime import timedelta

import structlog

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.locale import canonical_locale
from nexusone.modules.billing.contracts.invoices import BillingProfile, NewBillingProfile
from nexusone.modules.billing.domain.taxes import vat_id_of
from nexusone.modules.billing.events.invoices import BillingProfileChanged
from nexusone.modules.billing.ports import VatIdAnswer, VatIdChecker
from nexusone.modules.billing.service.currencies import is_currency
from nexusone.modules.billing.service.issuers import issuer_for
from nexusone.modules.billing.service.refusals_invoices import (
    BillingProfileMissing,
    CurrencyUnknown,
    IssuerMissing,
    LocaleUnknown,
    VatIdMalformed,
)
from nexusone.modules.billing.service.tax_tables import territories
from nexusone.modules.billing.settings import InvoiceSettings
from nexusone.modules.billing.store import profiles
from nexusone.modules.billing.store.profiles import CheckedVatId, NewProfile, ProfileRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

UNKNOWN = VatIdAnswer("unknown")
CHECK_SECONDS_MAX = 5.0
ASK_AGAIN_AFTER = timedelta(hours=6)
DUE_MAX = 1000

_log = structlog.get_logger(__name__)


async def get_profile(ctx: Context) -> tuple[BillingProfile, int]:
    """The workspace's profile and its version. Raises: BillingProfileMissing."""
    row = await _find(ctx)
    if row is None:
        raise BillingProfileMissing
    return _contract(row), row.version


async def put_profile(ctx: Context, *, wanted: NewBillingProfile, version: int | None) -> tuple[BillingProfile, int]:
    """Writes the profile, then asks the register about a VAT id that is new; no answer leaves it unknown, to be asked again.

    Raises:
        VatIdMalformed, CurrencyUnknown, LocaleUnknown: it does not hold together.
        PreconditionFailed: another version is there than the caller has read.
    """
    new = _new_profile(ctx, wanted, version)

    async def work(tx: Transaction) -> ProfileRow:
        written = await profiles.put_profile(tx, new)
        if written is None:
            raise PreconditionFailed
        await publish(tx, BillingProfileChanged(country=written.country, currency=written.currency, has_vat_id=written.vat_id is not None))
        return written

    row = await ctx.atomically("billing", work)
    if row.vat_id is not None and row.vat_checked_at is None:
        await check_vat_id(ctx)
        row = await _find(ctx) or row
    return _contract(row), row.version


async def check_vat_id(ctx: Context) -> None:
    """Asks the register about the workspace's VAT id and keeps the answer."""
    row = await _find(ctx)
    if row is None or row.vat_id is None:
        return
    answer = await _ask(ctx, row, row.vat_id)
    valid_for = timedelta(days=ctx.setting(InvoiceSettings).vat_id_valid_days)
    checked = CheckedVatId(
        workspace_id=ctx.workspace,
        id=new_id(),
        vat_id=row.vat_id,
        outcome=answer.outcome,
        reference=answer.reference,
        now=ctx.now(),
        recheck_at=ctx.now() + (ASK_AGAIN_AFTER if answer.outcome == "unknown" else valid_for / 2),
    )
    async with ctx.transaction("billing") as tx:
        await profiles.record_check(tx, checked)


async def check_due_vat_ids(ctx: Context) -> None:
    """Asks again about every VAT id whose time has come."""
    async with ctx.transaction("system") as tx:
        due = await profiles.list_due_checks(tx, now=ctx.now(), limit=DUE_MAX)
    for workspace_id in due:
        await check_vat_id(ctx.for_workspace(workspace_id))


async def _ask(ctx: Context, row: ProfileRow, vat_id: str) -> VatIdAnswer:
    place = territories().get(row.country)
    if VatIdChecker not in ctx.runtime.ports or place is None or not place.is_union:
        return UNKNOWN
    try:
        asker = issuer_for(ctx, country=row.country).vat_id
    except IssuerMissing:
        asker = None
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            return await ctx.port(VatIdChecker).check(country=row.country, vat_id=vat_id, asker=asker)
    except TimeoutError:
        _log.warning("vat_id.check_timed_out", country=row.country)
        return UNKNOWN


async def _find(ctx: Context) -> ProfileRow | None:
    async with ctx.transaction("billing") as tx:
        return await profiles.find_profile(tx, workspace_id=ctx.workspace)


def _new_profile(ctx: Context, wanted: NewBillingProfile, version: int | None) -> NewProfile:
    vat_id = None
    if wanted.vat_id is not None:
        vat_id = vat_id_of(territories(), country=wanted.country, text=wanted.vat_id)
        if vat_id is None:
            raise VatIdMalformed(vat_id=wanted.vat_id, country=wanted.country)
    if not is_currency(wanted.currency):
        raise CurrencyUnknown(currency=wanted.currency)
    try:
        locale = canonical_locale(wanted.locale)
    except ValueError as error:
        raise LocaleUnknown(locale=wanted.locale) from error
    return NewProfile(
        workspace_id=ctx.workspace,
        legal_name=wanted.legal_name,
        street=wanted.street,
        postal_code=wanted.postal_code,
        city=wanted.city,
        region=wanted.region,
        country=wanted.country,
        vat_id=vat_id,
        email=wanted.email,
        currency=wanted.currency,
        locale=locale,
        version=version,
        now=ctx.now(),
    )


def _contract(row: ProfileRow) -> BillingProfile:
    return BillingProfile(
        legal_name=row.legal_name,
        street=row.street,
        postal_code=row.postal_code,
        city=row.city,
        region=row.region,
        country=row.country,
        vat_id=row.vat_id,
        vat_outcome=row.vat_outcome,
        vat_checked_at=row.vat_checked_at,
        email=row.email,
        currency=row.currency,
        locale=row.locale,
        updated_at=row.updated_at,
    )
