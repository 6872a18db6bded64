"""SQL of reviews: what people were shown, what they decided and said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.modules.ai.contracts.pipeline_runs import ReviewState
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

COLUMNS = fragment("""
    id, run_id, step, item, title, content, asset_ids, content_hash, state, reviewer_name, reviewer_label, decided_at, created_at,
    expires_at
""")

INSERT = sql("""
insert into ai.pipeline_review
    (workspace_id, id, run_id, step, item, title, content, asset_ids, content_hash, state, created_at, expires_at)
values (
    %(workspace_id)s, %(id)s, %(run_id)s, %(step)s, %(item)s, %(title)s, %(content)s, %(asset_ids)s, %(content_hash)s, 'open',
    %(created_at)s, %(expires_at)s
)
on conflict (workspace_id, id) do nothing
""")

FIND = fragment("select {columns} from ai.pipeline_review where workspace_id = %(workspace_id)s and id = %(id)s").fill(columns=COLUMNS)

LIST = fragment("""
select {columns} from ai.pipeline_review where workspace_id = %(workspace_id)s and run_id = %(run_id)s order by created_at, id limit 500
""").fill(columns=COLUMNS)

# The first decision stands.
DECIDE = fragment("""
update ai.pipeline_review
set state = %(state)s, reviewer_name = %(name)s, reviewer_label = %(label)s, decided_at = %(now)s
where workspace_id = %(workspace_id)s and id = %(id)s and state = 'open'
returning {columns}
""").fill(columns=COLUMNS)

CLOSE = sql("""
update ai.pipeline_review set state = %(state)s, decided_at = %(now)s
where workspace_id = %(workspace_id)s and run_id = %(run_id)s and state = 'open'
  and (%(step)s::text is null or (step = %(step)s and item = %(item)s))
""")

INSERT_COMMENT = sql("""
insert into ai.pipeline_review_comment (workspace_id, id, review_id, author_name, author_label, text, created_at)
values (%(workspace_id)s, %(id)s, %(review_id)s, %(author_name)s, %(author_label)s, %(text)s, %(created_at)s)
""")

COUNT_COMMENTS = sql("""
select count(*) from ai.pipeline_review_comment where workspace_id = %(workspace_id)s and review_id = %(id)s
""")

LIST_COMMENTS = sql("""
select review_id, author_name, author_label, text, created_at
from ai.pipeline_review_comment
where workspace_id = %(workspace_id)s and review_id = any(%(ids)s)
order by id
""")


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """What a person is shown, and what they decided."""

    id: UUID
    run_id: UUID
    step: str
    item: int
    title: str
    content: dict[str, Any]
    asset_ids: list[UUID]
    content_hash: bytes
    created_at: datetime
    expires_at: datetime
    state: ReviewState = "open"
    reviewer_name: str | None = None
    reviewer_label: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CommentRow:
    """A remark; `author_label` is a member's, None of whoever had the link."""

    review_id: UUID
    author_name: str
    author_label: str | None
    text: str
    created_at: datetime


async def insert(tx: Transaction, row: ReviewRow, *, workspace_id: UUID) -> None:
    """A review that is open; one that is there stays."""
    plain = ("id", "run_id", "step", "item", "title", "asset_ids", "content_hash", "created_at", "expires_at")
    kept = {name: getattr(row, name) for name in plain}
    await tx.execute(INSERT, {"workspace_id": workspace_id, **kept, "content": Jsonb(row.content)})


async def find(tx: Transaction, *, workspace_id: UUID, review_id: UUID) -> ReviewRow | None:
    """A review."""
    return await tx.find_one(ReviewRow, FIND, {"workspace_id": workspace_id, "id": review_id})


async def list_of_run(tx: Transaction, *, workspace_id: UUID, run_id: UUID) -> list[ReviewRow]:
    """The reviews of a run, oldest first."""
    return await tx.fetch_all(ReviewRow, LIST, {"workspace_id": workspace_id, "run_id": run_id})


async def decide(
    tx: Transaction, *, workspace_id: UUID, review_id: UUID, state: ReviewState, name: str, label: str | None, now: datetime
) -> ReviewRow | None:
    """Decides an open review; None where it was decided before."""
    told = {"state": state, "name": name, "label": label, "now": now}
    return await tx.find_one(ReviewRow, DECIDE, {"workspace_id": workspace_id, "id": review_id, **told})


async def close(
    tx: Transaction, *, workspace_id: UUID, run_id: UUID, state: ReviewState, now: datetime, step: str | None = None, item: int = -1
) -> None:
    """Nobody is waited for any more: of one step, or of the whole run."""
    parameters = {"workspace_id": workspace_id, "run_id": run_id, "state": state, "now": now, "step": step, "item": item}
    await tx.execute(CLOSE, parameters)


async def add_comment(tx: Transaction, row: CommentRow, *, workspace_id: UUID, comment_id: UUID) -> None:
    """A remark."""
    plain = ("review_id", "author_name", "author_label", "text", "created_at")
    await tx.execute(INSERT_COMMENT, {"workspace_id": workspace_id, "id": comment_id, **{name: getattr(row, name) for name in plain}})


async def count_comments(tx: Transaction, *, workspace_id: UUID, review_id: UUID) -> int:
    """How many remarks there are."""
    return await tx.fetch_value(int, COUNT_COMMENTS, {"workspace_id": workspace_id, "id": review_id})


async def list_comments(tx: Transaction, *, workspace_id: UUID, review_ids: Sequence[UUID]) -> list[CommentRow]:
    """The remarks of reviews, oldest first."""
    return await tx.fetch_all(CommentRow, LIST_COMMENTS, {"workspace_id": workspace_id, "ids": list(review_ids)})
