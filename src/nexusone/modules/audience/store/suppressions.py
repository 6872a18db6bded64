"""SQL of consent: what a contact's e-mail status is, and which addresses are suppressed."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

UNSUBSCRIBE_EMAIL = sql("""
update audience.contact
set email_status = 'unsubscribed', version = version + 1, updated_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and email_status not in ('unsubscribed', 'complained')
returning email
""")

SUPPRESS = sql("""
insert into audience.suppression as known (workspace_id, channel, address, status, source, reason, created_at)
values (%(workspace_id)s, %(channel)s, %(address)s, %(status)s, %(source)s, %(reason)s, %(now)s)
on conflict (workspace_id, channel, address) do update
set status = excluded.status, source = excluded.source, reason = excluded.reason, created_at = excluded.created_at
where known.status = 'bounced'
""")


class _Unsubscribed(NamedTuple):
    email: str | None


async def unsubscribe_email(
    tx: Transaction, *, workspace_id: UUID, contact_id: UUID, source: str, reason: str | None, now: datetime
) -> bool:
    """Unsubscribes a contact and its address; False if there was nothing to do or is no such contact."""
    identity = {"workspace_id": workspace_id, "now": now}
    row = await tx.find_one(_Unsubscribed, UNSUBSCRIBE_EMAIL, {**identity, "id": contact_id})
    if row is not None and row.email is not None:
        words = {"channel": "email", "address": row.email, "status": "unsubscribed", "source": source, "reason": reason}
        await tx.execute(SUPPRESS, {**identity, **words})
    return row is not None
