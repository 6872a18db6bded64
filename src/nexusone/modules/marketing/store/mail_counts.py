"""SQL of what was mailed and billing has not been told yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LIST = sql("""
select turn_id, messages, counted_at
from marketing.mail_count
where workspace_id = %(workspace_id)s and message_id = %(message_id)s
    and (%(turn_id)s::uuid is null or turn_id = %(turn_id)s)
order by turn_id
limit %(limit)s
""")

DELETE = sql("""
delete from marketing.mail_count
where workspace_id = %(workspace_id)s and message_id = %(message_id)s and turn_id = any(%(turn_ids)s::uuid[])
""")


@dataclass(frozen=True, slots=True)
class MailCount:
    """How many mails of a message one turn has sent, or may have."""

    turn_id: UUID
    messages: int
    counted_at: datetime


async def list_counts(tx: Transaction, *, workspace_id: UUID, message_id: UUID, turn_id: UUID | None, limit: int) -> list[MailCount]:
    """The counts of a message, or the one of a turn."""
    asked = {"workspace_id": workspace_id, "message_id": message_id, "turn_id": turn_id, "limit": limit}
    return await tx.fetch_all(MailCount, LIST, asked)


async def delete_counts(tx: Transaction, counts: Sequence[MailCount], *, workspace_id: UUID, message_id: UUID) -> None:
    """Forgets counts that billing knows."""
    turn_ids = [count.turn_id for count in counts]
    await tx.execute(DELETE, {"workspace_id": workspace_id, "message_id": message_id, "turn_ids": turn_ids})
