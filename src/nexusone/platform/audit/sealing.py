"""The sealer: links entries that wait into their workspace's chain, batch by batch. Writers never wait for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from nexusone.platform.audit.chain import chain_hash, genesis
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context
from nexusone.platform.sql import Sql, sql

BATCH = 2000
WORKSPACES_PAGE = 1000

OPEN_HEAD = sql("""
insert into platform.audit_head (workspace_id, position, chain_hash, checkpointed, signed_with)
values (%(workspace_id)s, 0, %(genesis)s, 0, '')
on conflict (workspace_id) do nothing
""")

LOCK_HEAD = sql("select position, chain_hash from platform.audit_head where workspace_id = %(workspace_id)s for update")

# Entries of one transaction and of one instant keep the order in which they were written: ids sort by time.
LIST_PENDING = sql("""
select entry.id, entry.content_hash
from platform.audit_pending as pending
join platform.audit_entry as entry on entry.workspace_id = pending.workspace_id and entry.id = pending.entry_id
where pending.workspace_id = %(workspace_id)s
order by entry.occurred_at, entry.id
limit %(limit)s
""")

SEAL = sql("""
with sealed as (
    insert into platform.audit_seal (workspace_id, position, entry_id, entry_hash, chain_hash, sealed_at)
    select %(workspace_id)s, row.position, row.entry_id, row.entry_hash, row.chain_hash, clock_timestamp()
    from unnest(%(positions)s::bigint[], %(entry_ids)s::uuid[], %(entry_hashes)s::bytea[], %(chain_hashes)s::bytea[])
        as row (position, entry_id, entry_hash, chain_hash)
), done as (
    delete from platform.audit_pending as pending
    where pending.workspace_id = %(workspace_id)s and pending.entry_id = any(%(entry_ids)s::uuid[])
)
update platform.audit_head set position = %(position)s, chain_hash = %(chain_hash)s where workspace_id = %(workspace_id)s
""")

LIST_WAITING_WORKSPACES = sql("""
select distinct workspace_id from platform.audit_pending
where %(after)s::uuid is null or workspace_id > %(after)s
order by workspace_id
limit %(limit)s
""")


LIST_WORKSPACES = sql("""
select workspace_id from platform.audit_head
where %(after)s::uuid is null or workspace_id > %(after)s
order by workspace_id
limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain."""

    position: int
    chain_hash: bytes


@dataclass(frozen=True, slots=True)
class _Waiting:
    id: UUID
    content_hash: bytes


async def every_workspace(ctx: Context) -> AsyncIterator[Context]:
    """The system context in every workspace that has a chain."""
    async for inside in workspaces_of(ctx, LIST_WORKSPACES):
        yield inside


async def workspaces_of(ctx: Context, statement: Sql, **parameters: object) -> AsyncIterator[Context]:
    """The system context in each workspace that a scan (`after`, `limit`, and what is given) finds."""
    after: UUID | None = None
    while True:
        async with ctx.transaction("system") as tx:
            rows = await tx.fetch_tuples(statement, {**parameters, "after": after, "limit": WORKSPACES_PAGE})
        for (workspace_id,) in rows:
            yield ctx.for_workspace(workspace_id)
        if len(rows) < WORKSPACES_PAGE:
            return
        after = rows[-1][0]


async def seal_all(ctx: Context) -> None:
    """Seals what waits in every workspace; takes the system context."""
    async for inside in workspaces_of(ctx, LIST_WAITING_WORKSPACES):
        await seal(inside)


async def seal(ctx: Context) -> int:
    """Seals what waits in the workspace; answers how many entries that were."""
    count = 0
    while True:
        async with ctx.transaction("platform") as tx:
            sealed = await _seal_batch(tx, ctx.workspace)
        count += sealed
        if sealed < BATCH:
            return count


async def lock_head(tx: Transaction, workspace_id: UUID) -> Head:
    """The chain's end, which nobody moves until the transaction ends."""
    await tx.execute(OPEN_HEAD, {"workspace_id": workspace_id, "genesis": genesis(workspace_id)})
    return await tx.fetch_one(Head, LOCK_HEAD, {"workspace_id": workspace_id})


async def _seal_batch(tx: Transaction, workspace_id: UUID) -> int:
    head = await lock_head(tx, workspace_id)
    waiting = await tx.fetch_all(_Waiting, LIST_PENDING, {"workspace_id": workspace_id, "limit": BATCH})
    if not waiting:
        return 0
    positions = range(head.position + 1, head.position + 1 + len(waiting))
    hashes, link = [], head.chain_hash
    for position, entry in zip(positions, waiting, strict=True):
        link = chain_hash(link, position=position, entry_id=entry.id, entry_hash=entry.content_hash)
        hashes.append(link)
    await tx.execute(
        SEAL,
        {
            "workspace_id": workspace_id,
            "positions": list(positions),
            "entry_ids": [entry.id for entry in waiting],
            "entry_hashes": [entry.content_hash for entry in waiting],
            "chain_hashes": hashes,
            "position": positions[-1],
            "chain_hash": link,
        },
    )
    return len(waiting)
