"""SQL of indexings: the paid work of giving a document's passages their vectors."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.ai.domain.embedding import EmbeddingTariff, IndexingStatus, Settlement
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

COLUMNS = fragment("""
    id, document_id, revision, status, settlement, requested_by, model, dimensions, price_micros, price_per, credits_per_dollar,
    margin_percent, held_micros, charged_micros, attempts, input_tokens, error_code, error_detail, created_at, finished_at, due_at,
    is_own_key
""")

INSERT = sql("""
insert into ai.knowledge_indexing (
    workspace_id, id, document_id, revision, status, settlement, requested_by, model, dimensions, price_micros, price_per,
    credits_per_dollar, margin_percent, held_micros, created_at, due_at, is_own_key
)
values (
    %(workspace_id)s, %(id)s, %(document_id)s, %(revision)s, 'queued', 'held', %(requested_by)s, %(model)s, %(dimensions)s,
    %(price_micros)s, %(price_per)s, %(credits_per_dollar)s, %(margin_percent)s, %(held_micros)s, %(now)s, %(due_at)s, %(is_own_key)s
)
""")

# `attempts` is a fence: whoever took it later has a higher one, and the former can write no more.
TAKE = fragment("""
update ai.knowledge_indexing
set status = 'running', attempts = attempts + 1, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and (status = 'queued' or (status = 'running' and due_at <= %(now)s))
returning {columns}
""").fill(columns=COLUMNS)

USE = sql("""
update ai.knowledge_indexing
set input_tokens = input_tokens + %(tokens)s, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s and status = 'running' and attempts = %(attempts)s
""")

END = fragment("""
update ai.knowledge_indexing
set status = %(status)s, settlement = 'due', charged_micros = %(charged_micros)s, error_code = %(error_code)s,
    error_detail = %(error_detail)s, finished_at = %(now)s, due_at = %(due_at)s
where workspace_id = %(workspace_id)s and id = %(id)s
returning {columns}
""").fill(columns=COLUMNS)

SETTLED = sql("""
update ai.knowledge_indexing set settlement = 'done', due_at = null
where workspace_id = %(workspace_id)s and id = %(id)s and settlement = 'due'
""")

DEFER = sql("""
update ai.knowledge_indexing set due_at = %(due_at)s where workspace_id = %(workspace_id)s and id = %(id)s and due_at is not null
""")

FIND = fragment("""
select {columns} from ai.knowledge_indexing where workspace_id = %(workspace_id)s and id = %(id)s
""").fill(columns=COLUMNS)

LOCK = fragment("""
select {columns} from ai.knowledge_indexing where workspace_id = %(workspace_id)s and id = %(id)s for update
""").fill(columns=COLUMNS)

LIST_DUE = sql("""
select workspace_id, id from ai.knowledge_indexing where due_at <= %(now)s order by due_at limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class IndexingRow:
    """An indexing with what it is charged by; prices as they were when it was asked for."""

    id: UUID
    document_id: UUID
    revision: int
    status: IndexingStatus
    settlement: Settlement
    requested_by: str
    model: str
    dimensions: int
    price_micros: int
    price_per: int
    credits_per_dollar: int
    margin_percent: int
    held_micros: int
    charged_micros: int
    attempts: int
    input_tokens: int
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    finished_at: datetime | None
    due_at: datetime | None
    is_own_key: bool = False

    @property
    def tariff(self) -> EmbeddingTariff:
        """The prices it was promised at."""
        return EmbeddingTariff(self.price_micros, self.price_per, self.credits_per_dollar, self.margin_percent, self.is_own_key)

    @property
    def is_open(self) -> bool:
        """Whether it may still be worked on."""
        return self.status in ("queued", "running")


@dataclass(frozen=True, slots=True)
class DueRow:
    """An indexing somebody must look after."""

    workspace_id: UUID
    id: UUID


async def insert(tx: Transaction, row: IndexingRow, *, workspace_id: UUID) -> None:
    """A new indexing, queued."""
    await tx.execute(
        INSERT,
        {
            "workspace_id": workspace_id,
            "id": row.id,
            "document_id": row.document_id,
            "revision": row.revision,
            "requested_by": row.requested_by,
            "model": row.model,
            "dimensions": row.dimensions,
            "price_micros": row.price_micros,
            "price_per": row.price_per,
            "credits_per_dollar": row.credits_per_dollar,
            "margin_percent": row.margin_percent,
            "held_micros": row.held_micros,
            "now": row.created_at,
            "due_at": row.due_at,
            "is_own_key": row.is_own_key,
        },
    )


async def take(tx: Transaction, *, workspace_id: UUID, indexing_id: UUID, now: datetime, due_at: datetime) -> IndexingRow | None:
    """Takes one into work that is queued or was abandoned, for one worker only; None for everybody else."""
    parameters = {"workspace_id": workspace_id, "id": indexing_id, "now": now, "due_at": due_at}
    return await tx.find_one(IndexingRow, TAKE, parameters)


async def use(tx: Transaction, *, workspace_id: UUID, row: IndexingRow, tokens: int, due_at: datetime) -> bool:
    """Notes tokens and goes on until `due_at`; False where the work is somebody else's by now."""
    parameters = {"workspace_id": workspace_id, "id": row.id, "attempts": row.attempts, "tokens": tokens, "due_at": due_at}
    return await tx.execute(USE, parameters) == 1


async def end(
    tx: Transaction,
    *,
    workspace_id: UUID,
    indexing_id: UUID,
    status: IndexingStatus,
    charged_micros: int,
    error: tuple[str, str] | None,
    now: datetime,
    due_at: datetime,
) -> IndexingRow:
    """How it ended, and what is to be settled; `error` is a code and a sentence."""
    code, detail = error or (None, None)
    return await tx.fetch_one(
        IndexingRow,
        END,
        {
            "workspace_id": workspace_id,
            "id": indexing_id,
            "status": status,
            "charged_micros": charged_micros,
            "error_code": code,
            "error_detail": detail,
            "now": now,
            "due_at": due_at,
        },
    )


async def mark_settled(tx: Transaction, *, workspace_id: UUID, indexing_id: UUID) -> None:
    """Nothing is open any more."""
    await tx.execute(SETTLED, {"workspace_id": workspace_id, "id": indexing_id})


async def defer(tx: Transaction, *, workspace_id: UUID, indexing_id: UUID, due_at: datetime) -> None:
    """Lets an open one be until `due_at`."""
    await tx.execute(DEFER, {"workspace_id": workspace_id, "id": indexing_id, "due_at": due_at})


async def find(tx: Transaction, *, workspace_id: UUID, indexing_id: UUID) -> IndexingRow | None:
    """An indexing, or None."""
    return await tx.find_one(IndexingRow, FIND, {"workspace_id": workspace_id, "id": indexing_id})


async def find_locked(tx: Transaction, *, workspace_id: UUID, indexing_id: UUID) -> IndexingRow | None:
    """The same, locked until the transaction ends."""
    return await tx.find_one(IndexingRow, LOCK, {"workspace_id": workspace_id, "id": indexing_id})


async def list_due(tx: Transaction, *, now: datetime, limit: int) -> list[DueRow]:
    """What must be looked after, over all workspaces; for the system context."""
    return await tx.fetch_all(DueRow, LIST_DUE, {"now": now, "limit": limit})
