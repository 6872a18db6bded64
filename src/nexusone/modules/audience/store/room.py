"""SQL that counts contacts against what a plan allows."""

from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LOCK_COUNTING = sql("""
select true from (select pg_advisory_xact_lock(hashtextextended(%(workspace_id)s::uuid::text, 7230118005))) as locked
""")

# No further than the answer needs: where few are allowed, few are counted.
COUNT_UP_TO = sql("""
select count(*) from (select 1 from audience.contact where workspace_id = %(workspace_id)s limit %(most)s) as counted
""")

COUNT_CONTACTS = sql("""
select count(*) from audience.contact where workspace_id = %(workspace_id)s
""")


async def lock_counting(tx: Transaction, *, workspace_id: UUID) -> None:
    """Waits until nobody else in the workspace is making contacts against a limit."""
    await tx.fetch_value(bool, LOCK_COUNTING, {"workspace_id": workspace_id})


async def count_up_to(tx: Transaction, *, workspace_id: UUID, most: int) -> int:
    """How many contacts there are, or `most` if there are more."""
    return await tx.fetch_value(int, COUNT_UP_TO, {"workspace_id": workspace_id, "most": most})


async def count_contacts(tx: Transaction, *, workspace_id: UUID) -> int:
    """How many contacts there are."""
    return await tx.fetch_value(int, COUNT_CONTACTS, {"workspace_id": workspace_id})
