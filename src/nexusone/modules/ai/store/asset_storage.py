"""SQL of what workspaces keep in their media libraries."""

from dataclasses import dataclass
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

# In the system context: every workspace that keeps something.
LIST_STORED = sql("""
select workspace_id, sum(size_bytes)::bigint as size_bytes from ai.asset
where workspace_id > %(after)s
group by workspace_id order by workspace_id limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class StoredRow:
    """How many bytes a workspace's files have together."""

    workspace_id: UUID
    size_bytes: int


async def list_stored(tx: Transaction, *, after: UUID, limit: int) -> list[StoredRow]:
    """What workspaces after that one keep, in their order; for the system context."""
    return await tx.fetch_all(StoredRow, LIST_STORED, {"after": after, "limit": limit})
