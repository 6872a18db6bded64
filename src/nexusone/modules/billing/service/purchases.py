"""Buying credits: on a vendor's page, or by itself when they run low. They are granted when the money was seen at the vendor."""

from urllib.parse import urlsplit
from uuid import UUID

import structlog

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import MICROS_PER_CREDIT, Money, credits_from_text, credits_to_text
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.contracts.payments import CreditPack, CreditPacks, NewPurchase, Purchase
from nexusone.modules.billing.domain.payments import reference_of, request_key
from nexusone.modules.billing.events.ledger import TopUpFailed
from nexusone.modules.billing.events.payments import PaymentBegun
from nexusone.modules.billing.ports import CheckoutRequest
from nexusone.modules.billing.service.collecting import Owed, charge_default
from nexusone.modules.billing.service.payment_gateways import chosen, customer_at, gateways, refuse_tests
from nexusone.modules.billing.service.payment_views import payment_view
from nexusone.modules.billing.service.payments_calling import FIRST_PROBE_AFTER
from nexusone.modules.billing.service.payments_invoicing import total_of_purchase
from nexusone.modules.billing.service.payments_settling import LOOKED_UP_EVERY
from nexusone.modules.billing.service.refusals_invoices import BillingProfileMissing
from nexusone.modules.billing.service.refusals_payments import (
    CheckoutRefused,
    CheckoutUnavailable,
    PurchaseNotPriced,
    ReturnAddressRefused,
)
from nexusone.modules.billing.settings import PaymentSettings
from nexusone.modules.billing.store import payments
from nexusone.modules.billing.store.payments import NewPayment, PaymentChange, PaymentRow
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

_log = structlog.get_logger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
PER = 1_000


async def list_packs(ctx: Context, *, currency: str) -> CreditPacks:
    """What can be bought in a currency, and through whom. Raises: PurchaseNotPriced."""
    packs = []
    for name, text in ctx.setting(PaymentSettings).credit_packs.items():
        micros = credits_from_text(text)
        price = Money(amount=price_of(ctx, credits_micros=micros, currency=currency), currency=currency)
        packs.append(CreditPack(name=name, credits=credits_to_text(micros), price=price))
    return CreditPacks(packs=packs, gateways=list(gateways(ctx).by_name))


def price_of(ctx: Context, *, credits_micros: int, currency: str) -> int:
    """Minor units before tax, rounded up. Raises: PurchaseNotPriced."""
    per_thousand = ctx.setting(PaymentSettings).price_per_thousand_credits.get(currency)
    if per_thousand is None or credits_micros <= 0:
        raise PurchaseNotPriced(currency=currency)
    return -(-credits_micros * per_thousand // (PER * MICROS_PER_CREDIT))


async def purchase(ctx: Context, *, wanted: NewPurchase) -> Purchase:
    """Begins a purchase and opens the vendor's page for it.

    Raises:
        GatewayUnknown, PurchaseNotPriced, ReturnAddressRefused, BillingProfileMissing: nothing was begun.
        CheckoutRefused, CheckoutUnavailable: the vendor opened no page.
    """
    refuse_tests(ctx)
    check_return(wanted.return_url, wanted.cancel_url)
    gateway, _ = chosen(ctx, name=wanted.gateway)
    micros = _credits(ctx, wanted)
    net = price_of(ctx, credits_micros=micros, currency=wanted.currency)
    total = await total_of_purchase(ctx, credits_micros=micros, net=net)
    customer = await introduced(ctx, gateway=gateway)
    intent = NewPayment(
        workspace_id=ctx.workspace,
        id=new_id(),
        gateway=gateway,
        purpose="purchase",
        flow="checkout",
        amount=total,
        currency=wanted.currency,
        net=net,
        credits=micros,
        invoice_id=None,
        method_id=None,
        customer=customer,
        description=f"{credits_to_text(micros)} credits",
        request_key=key_of_request(ctx),
        now=ctx.now(),
        probe_at=ctx.now() + FIRST_PROBE_AFTER,
    )
    row = await _begun(ctx, intent)
    return await _opened(ctx, row, wanted)


async def top_up(ctx: Context, *, key: str, credits_micros: int, currency: str) -> PaymentRow | None:
    """Buys credits with the saved default method, once per key; None where there is none. Raises: DefiniteFailure, PurchaseNotPriced."""
    net = price_of(ctx, credits_micros=credits_micros, currency=currency)
    total = await total_of_purchase(ctx, credits_micros=credits_micros, net=net)
    owed = Owed(
        purpose="topup",
        amount=total,
        net=net,
        currency=currency,
        description=f"{credits_to_text(credits_micros)} credits",
        credits_micros=credits_micros,
        request_key=f"topup:{key}",
    )
    return await charge_default(ctx, owed=owed)


def check_return(*urls: str | None) -> None:
    """People are sent back over https, or to this machine while somebody develops. Raises: ReturnAddressRefused."""
    for url in urls:
        if url is None:
            continue
        parts = urlsplit(url)
        if parts.scheme != "https" and (parts.hostname or "") not in LOOPBACK:
            raise ReturnAddressRefused
        if not parts.hostname or parts.username is not None:
            raise ReturnAddressRefused


def key_of_request(ctx: Context) -> str | None:
    """What a repeated request finds its beginning by."""
    claimed = ctx.idempotency
    return None if claimed is None else request_key(principal=claimed.principal_id, path=claimed.path, key=claimed.key)


async def introduced(ctx: Context, *, gateway: str) -> str:
    """Who the workspace is at the vendor. Raises: CheckoutRefused, CheckoutUnavailable."""
    try:
        return await customer_at(ctx, gateway=gateway)
    except UnknownOutcome as error:
        raise CheckoutUnavailable(headers={"Retry-After": "5"}) from error
    except DefiniteFailure as failure:
        raise refused(failure) from failure


def refused(failure: DefiniteFailure) -> CheckoutRefused | CheckoutUnavailable:
    """A vendor's no in our words."""
    if failure.is_retryable:
        return CheckoutUnavailable(headers={"Retry-After": "5"})
    return CheckoutRefused(reason=failure.code)


def _credits(ctx: Context, wanted: NewPurchase) -> int:
    packs = ctx.setting(PaymentSettings).credit_packs
    if (wanted.pack is None) == (wanted.credits is None) or (wanted.pack is not None and wanted.pack not in packs):
        raise PurchaseNotPriced(currency=wanted.currency)
    return credits_from_text(packs[wanted.pack] if wanted.pack is not None else wanted.credits or "0")


async def _begun(ctx: Context, intent: NewPayment) -> PaymentRow:
    async def work(tx: Transaction) -> PaymentRow:
        found = None
        if await payments.insert_payment(tx, intent):
            begun = PaymentBegun(
                payment_id=intent.id,
                purpose=intent.purpose,
                gateway=intent.gateway,
                currency=intent.currency,
                amount_minor=intent.amount,
            )
            await publish(tx, begun)
            found = await payments.find_payment(tx, workspace_id=intent.workspace_id, payment_id=intent.id)
        elif intent.request_key is not None:
            found = await payments.find_by_request(tx, workspace_id=intent.workspace_id, request_key=intent.request_key)
        if found is None:
            raise LookupError("a payment that was written is not there")
        return found

    return await ctx.atomically("billing", work)


async def _opened(ctx: Context, row: PaymentRow, wanted: NewPurchase) -> Purchase:
    _, vendor = chosen(ctx, name=row.gateway)
    request = CheckoutRequest(
        reference=reference_of(row.workspace_id, row.id),
        customer=row.customer,
        amount=Money(amount=row.amount_minor, currency=row.currency),
        description=row.description,
        return_url=wanted.return_url,
        cancel_url=wanted.cancel_url or wanted.return_url,
        saves_method=wanted.saves_method,
        locale=ctx.locale,
    )
    try:
        page = await vendor.start_checkout(request)
    except UnknownOutcome as error:
        raise CheckoutUnavailable(headers={"Retry-After": "5"}) from error
    except DefiniteFailure as failure:
        raise refused(failure) from failure

    async def work(tx: Transaction) -> Purchase:
        known = await payments.lock_payment(tx, workspace_id=row.workspace_id, payment_id=row.id)
        if known is None:
            raise LookupError("a payment that was written is not there")
        if known.state in ("created", "unknown"):
            change = PaymentChange(
                row.workspace_id,
                row.id,
                "pending",
                now=ctx.now(),
                probe_at=ctx.now() + LOOKED_UP_EVERY,
                subject=page.subject,
                checkout_url=page.url,
            )
            await payments.update_payment(tx, change)
        answer = Purchase(payment=payment_view(await _again(tx, row)), checkout_url=page.url)
        await conclude(tx, answer)
        return answer

    return await ctx.atomically("billing", work)


async def _again(tx: Transaction, row: PaymentRow) -> PaymentRow:
    return await payments.find_payment(tx, workspace_id=row.workspace_id, payment_id=row.id) or row


async def payment_of(ctx: Context, *, payment_id: UUID) -> PaymentRow | None:
    """One payment of the workspace."""
    async with ctx.transaction("billing") as tx:
        return await payments.find_payment(tx, workspace_id=ctx.workspace, payment_id=payment_id)


async def top_up_when_low(ctx: Context, *, key: str, credits_micros: int) -> None:
    """Buys the credits that a workspace wants when it runs low, once per key; where nothing can be charged, that is told.

    Raises:
        DefiniteFailure: the vendor cannot be reached; try again later.
    """
    currency = ctx.setting(PaymentSettings).topup_currency
    try:
        reason = None if await top_up(ctx, key=key, credits_micros=credits_micros, currency=currency) else "no_payment_method"
    except (BillingProfileMissing, PurchaseNotPriced) as refusal:
        reason = refusal.code
    if reason is not None:
        _log.warning("payments.no_topup", code=reason)
        async with ctx.transaction("billing") as tx:
            await publish(tx, TopUpFailed(wanted_micros=credits_micros, payment_id=None, reason=reason))
