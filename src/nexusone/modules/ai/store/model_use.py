"""SQL of which models are in use."""

from dataclasses import dataclass
from datetime import datetime

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LIST_USED = sql("""
select vendor, model, count(*) as generations from ai.generation
where created_at >= %(since)s
group by vendor, model
""")


@dataclass(frozen=True, slots=True)
class ModelUseRow:
    """How many generations asked a model."""

    vendor: str
    model: str
    generations: int


async def list_used(tx: Transaction, *, since: datetime) -> list[ModelUseRow]:
    """Every model that was asked since then, over all workspaces; for the system context."""
    return await tx.fetch_all(ModelUseRow, LIST_USED, {"since": since})
