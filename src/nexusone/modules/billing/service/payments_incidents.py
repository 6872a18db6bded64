"""Where a vendor's books and ours disagree: written down once and told, never mended by itself."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import structlog

from nexusone.modules.billing.events.payments import PaymentIncidentFound
from nexusone.modules.billing.store import payments_news
from nexusone.modules.billing.store.payments_news import NewIncident
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

IncidentKind = Literal["missing_there", "missing_here", "amount_differs", "invoice_differs", "unclaimed"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """What disagrees; amounts are minor units of `currency`, None where there is nothing on that side."""

    kind: IncidentKind
    subject: str
    payment_id: UUID | None
    expected: int | None
    found: int | None
    currency: str


async def note(ctx: Context, tx: Transaction, *, gateway: str, difference: Difference) -> bool:
    """Writes an incident and, where it is known whose it is, tells that workspace; False where it is known already."""
    wanted = NewIncident(
        gateway=gateway,
        kind=difference.kind,
        subject=difference.subject,
        payment_id=difference.payment_id,
        of_workspace=ctx.workspace_id,
        expected=difference.expected,
        found=difference.found,
        currency=difference.currency,
        now=ctx.now(),
    )
    if not await payments_news.insert_incident(tx, wanted):
        return False
    _log.error("payments.incident", gateway=gateway, kind=difference.kind, subject=difference.subject, workspace=str(ctx.workspace_id))
    if ctx.workspace_id is not None:
        told = PaymentIncidentFound(
            gateway=gateway,
            kind=difference.kind,
            subject=difference.subject,
            payment_id=difference.payment_id,
            expected_minor=difference.expected,
            found_minor=difference.found,
            currency=difference.currency,
        )
        await publish(tx, told)
    return True
