"""SQL of payments."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.contracts.payments import FailureName
from nexusone.modules.billing.domain.payments import PaymentFlow, PaymentPurpose, PaymentState
from nexusone.platform.database import Transaction
from nexusone.platform.sql import Sql, fragment, sql

COLUMNS: Sql = fragment("""
p.workspace_id, p.id, p.gateway, p.purpose, p.flow, p.state, p.amount_minor, p.currency, p.net_minor, p.refunded_minor, p.credits_micros,
p.invoice_id, p.method_id, p.customer, p.description, p.subject, p.capture_id, p.checkout_url, p.failure, p.attempts, p.created_at,
p.captured_at
""")

INSERT_PAYMENT = sql("""
insert into billing.payment
    (workspace_id, id, gateway, purpose, flow, state, amount_minor, currency, net_minor, credits_micros, invoice_id, method_id, customer,
     description, request_key, created_at, updated_at, probe_at)
values (%(workspace_id)s, %(id)s, %(gateway)s, %(purpose)s, %(flow)s, 'created', %(amount)s, %(currency)s, %(net)s, %(credits)s,
    %(invoice_id)s, %(method_id)s, %(customer)s, %(description)s, %(request_key)s, %(now)s, %(now)s, %(probe_at)s)
on conflict do nothing
""")

FIND_PAYMENT = fragment("""
select {columns} from billing.payment as p where p.workspace_id = %(workspace_id)s and p.id = %(id)s
""").fill(columns=COLUMNS)

FIND_BY_REQUEST = fragment("""
select {columns} from billing.payment as p where p.workspace_id = %(workspace_id)s and p.request_key = %(request_key)s
""").fill(columns=COLUMNS)

FIND_OF_INVOICE = fragment("""
select {columns} from billing.payment as p
where p.workspace_id = %(workspace_id)s and p.invoice_id = %(invoice_id)s and p.state not in ('canceled', 'failed')
""").fill(columns=COLUMNS)

# The row's lock puts everything that happens to one payment in order.
LOCK_PAYMENT = fragment("""
select {columns} from billing.payment as p where p.workspace_id = %(workspace_id)s and p.id = %(id)s for update
""").fill(columns=COLUMNS)

LIST_PAYMENTS = fragment("""
select {columns} from billing.payment as p
where p.workspace_id = %(workspace_id)s and (%(before)s::uuid is null or p.id < %(before)s::uuid)
order by p.id desc
limit %(limit)s
""").fill(columns=COLUMNS)

BEGIN_ATTEMPT = fragment("""
update billing.payment as p
set attempts = p.attempts + 1, probe_at = %(probe_at)s, updated_at = %(now)s
where p.workspace_id = %(workspace_id)s and p.id = %(id)s and p.state in ('created', 'unknown', 'pending')
returning {columns}
""").fill(columns=COLUMNS)

UPDATE_PAYMENT = sql("""
update billing.payment
set state = %(state)s, subject = coalesce(%(subject)s, subject), capture_id = coalesce(%(capture_id)s, capture_id),
    checkout_url = coalesce(%(checkout_url)s, checkout_url), failure = %(failure)s, updated_at = %(now)s, probe_at = %(probe_at)s,
    captured_at = case when %(state)s = 'captured' then coalesce(captured_at, %(captured_at)s, %(now)s) end
where workspace_id = %(workspace_id)s and id = %(id)s
""")

SET_REFUNDED = sql("""
update billing.payment set refunded_minor = %(refunded)s where workspace_id = %(workspace_id)s and id = %(id)s
""")

SET_INVOICE = sql("""
update billing.payment set invoice_id = %(invoice_id)s where workspace_id = %(workspace_id)s and id = %(id)s
""")

# A subscription that is over gives nothing for what comes in.
IS_OVER = sql("""
select s.over_at is not null
from billing.invoice as i join billing.subscription as s on s.workspace_id = i.workspace_id and s.id = i.subscription_id
where i.workspace_id = %(workspace_id)s and i.id = %(invoice_id)s
""")

LIST_DUE = sql("""
select workspace_id, id from billing.payment where probe_at <= %(now)s order by probe_at limit %(limit)s
""")

LIST_CAPTURED = sql("""
select workspace_id, id, amount_minor, currency, captured_at
from billing.payment
where gateway = %(gateway)s and captured_at >= %(since)s and captured_at < %(until)s
""")


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment as it is kept."""

    workspace_id: UUID
    id: UUID
    gateway: str
    purpose: PaymentPurpose
    flow: PaymentFlow
    state: PaymentState
    amount_minor: int
    currency: str
    net_minor: int
    refunded_minor: int
    credits_micros: int | None
    invoice_id: UUID | None
    method_id: UUID | None
    customer: str
    description: str
    subject: str | None
    capture_id: str | None
    checkout_url: str | None
    failure: FailureName | None
    attempts: int
    created_at: datetime
    captured_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A payment before the vendor knows of it."""

    workspace_id: UUID
    id: UUID
    gateway: str
    purpose: PaymentPurpose
    flow: PaymentFlow
    amount: int
    currency: str
    net: int
    credits: int | None
    invoice_id: UUID | None
    method_id: UUID | None
    customer: str
    description: str
    request_key: str | None
    now: datetime
    probe_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentChange:
    """What was learned of a payment; None leaves vendor's ids and address as they are."""

    workspace_id: UUID
    id: UUID
    state: PaymentState
    now: datetime
    probe_at: datetime | None
    subject: str | None = None
    capture_id: str | None = None
    checkout_url: str | None = None
    failure: str | None = None
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueRow:
    """Something to look into, and whose it is."""

    workspace_id: UUID
    id: UUID


@dataclass(frozen=True, slots=True)
class CapturedRow:
    """A captured payment, as reconciliation sees it."""

    workspace_id: UUID
    id: UUID
    amount_minor: int
    currency: str
    captured_at: datetime


async def insert_payment(tx: Transaction, wanted: NewPayment) -> bool:
    """Writes the intent; False where the request or the invoice has one already."""
    return await tx.execute(INSERT_PAYMENT, asdict(wanted)) == 1


async def find_payment(tx: Transaction, *, workspace_id: UUID, payment_id: UUID) -> PaymentRow | None:
    """One payment."""
    return await tx.find_one(PaymentRow, FIND_PAYMENT, {"workspace_id": workspace_id, "id": payment_id})


async def find_by_request(tx: Transaction, *, workspace_id: UUID, request_key: str) -> PaymentRow | None:
    """What a request had begun before it was cut off."""
    return await tx.find_one(PaymentRow, FIND_BY_REQUEST, {"workspace_id": workspace_id, "request_key": request_key})


async def find_of_invoice(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID) -> PaymentRow | None:
    """The payment that pays an invoice or may yet do so."""
    return await tx.find_one(PaymentRow, FIND_OF_INVOICE, {"workspace_id": workspace_id, "invoice_id": invoice_id})


async def lock_payment(tx: Transaction, *, workspace_id: UUID, payment_id: UUID) -> PaymentRow | None:
    """One payment, locked until the transaction ends."""
    return await tx.find_one(PaymentRow, LOCK_PAYMENT, {"workspace_id": workspace_id, "id": payment_id})


async def list_payments(tx: Transaction, *, workspace_id: UUID, before: UUID | None, limit: int) -> list[PaymentRow]:
    """Payments, newest first."""
    return await tx.fetch_all(PaymentRow, LIST_PAYMENTS, {"workspace_id": workspace_id, "before": before, "limit": limit})


async def begin_attempt(tx: Transaction, *, workspace_id: UUID, payment_id: UUID, now: datetime, probe_at: datetime) -> PaymentRow | None:
    """Notes that the vendor is about to be called; None where the payment has ended."""
    parameters = {"workspace_id": workspace_id, "id": payment_id, "now": now, "probe_at": probe_at}
    return await tx.find_one(PaymentRow, BEGIN_ATTEMPT, parameters)


async def update_payment(tx: Transaction, change: PaymentChange) -> None:
    """Writes what was learned."""
    await tx.execute(UPDATE_PAYMENT, asdict(change))


async def set_refunded(tx: Transaction, *, workspace_id: UUID, payment_id: UUID, refunded: int) -> None:
    """How much of it has been given back."""
    await tx.execute(SET_REFUNDED, {"workspace_id": workspace_id, "id": payment_id, "refunded": refunded})


async def set_invoice(tx: Transaction, *, workspace_id: UUID, payment_id: UUID, invoice_id: UUID) -> None:
    """The invoice that was issued for it."""
    await tx.execute(SET_INVOICE, {"workspace_id": workspace_id, "id": payment_id, "invoice_id": invoice_id})


async def is_subscription_over(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID) -> bool:
    """Whether the invoice is of a subscription that has ended."""
    return await tx.find_value(bool, IS_OVER, {"workspace_id": workspace_id, "invoice_id": invoice_id}) or False


async def list_due(tx: Transaction, *, now: datetime, limit: int) -> list[DueRow]:
    """Payments of all workspaces that are to be looked up."""
    return await tx.fetch_all(DueRow, LIST_DUE, {"now": now, "limit": limit})


async def list_captured(tx: Transaction, *, gateway: str, since: datetime, until: datetime) -> list[CapturedRow]:
    """What all workspaces paid through a gateway in that time."""
    return await tx.fetch_all(CapturedRow, LIST_CAPTURED, {"gateway": gateway, "since": since, "until": until})
