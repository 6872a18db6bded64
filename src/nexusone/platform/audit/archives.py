"""Archives: old entries with their seals as lines of JSON in the blob store. The chain goes through them."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.audit.chain import Link, genesis
from nexusone.platform.audit.reading import LIST_LINKS
from nexusone.platform.audit.sealing import every_workspace, seal
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

BATCH = 10_000
FOLDER = "audit/archive"

# Seals of what is younger stay, and so does everything after them: the chain is cut once, not perforated.
FIND_LAST_OLD = sql("""
select coalesce(
    (
        select min(seal.position) - 1
        from platform.audit_entry as entry
        join platform.audit_seal as seal on seal.workspace_id = entry.workspace_id and seal.entry_id = entry.id
        where entry.workspace_id = %(workspace_id)s and entry.occurred_at >= %(before)s
    ),
    (select max(seal.position) from platform.audit_seal as seal where seal.workspace_id = %(workspace_id)s),
    0
)
""")

FIND_NEWEST_TIME = sql("""
select max(entry.occurred_at)
from platform.audit_seal as seal
join platform.audit_entry as entry on entry.workspace_id = seal.workspace_id and entry.id = seal.entry_id
where seal.workspace_id = %(workspace_id)s and seal.position between %(first)s and %(last)s
""")

LIST_ARCHIVES = sql("""
select first_position, last_position, previous_hash, chain_hash, blob_key, newest_at
from platform.audit_archive where workspace_id = %(workspace_id)s
order by first_position
""")

INSERT_ARCHIVE = sql("""
insert into platform.audit_archive
    (workspace_id, first_position, last_position, previous_hash, chain_hash, blob_key, newest_at, archived_at)
values (%(workspace_id)s, %(first_position)s, %(last_position)s, %(previous_hash)s, %(chain_hash)s, %(blob_key)s, %(newest_at)s,
        clock_timestamp())
""")

LEAVE = sql("select platform.leave_to_archive(%(workspace_id)s, %(last_position)s)")

DELETE_ARCHIVE = sql("""
delete from platform.audit_archive where workspace_id = %(workspace_id)s and first_position = %(first_position)s
""")


@dataclass(frozen=True, slots=True)
class Archive:
    """A piece of a chain in the blob store: the positions it holds, and the hashes before and at its end."""

    first_position: int
    last_position: int
    previous_hash: bytes
    chain_hash: bytes
    blob_key: str
    newest_at: datetime


async def keep_retention(ctx: Context, *, hot_after: datetime, archived_after: datetime) -> None:
    """Archives what is older than `hot_after` and drops archives older than `archived_after`, in every workspace; system context."""
    async for inside in every_workspace(ctx):
        await archive(inside, before=hot_after)
        await drop_archives(inside, before=archived_after)


async def archive(ctx: Context, *, before: datetime) -> int:
    """Moves the entries before an instant, and their seals, into the blob store; answers how many."""
    await seal(ctx)
    async with ctx.transaction("platform") as tx:
        last = await tx.fetch_value(int, FIND_LAST_OLD, {"workspace_id": ctx.workspace, "before": before})
    moved = 0
    while count := await _archive_batch(ctx, last):
        moved += count
    return moved


async def drop_archives(ctx: Context, *, before: datetime) -> int:
    """Deletes the archives whose newest entry is before an instant, oldest first; answers how many."""
    dropped = 0
    for each in await list_archives(ctx):
        if each.newest_at >= before:
            break
        await ctx.runtime.blobs.delete(ctx.workspace, each.blob_key)
        async with ctx.transaction("platform") as tx:
            await tx.execute(DELETE_ARCHIVE, {"workspace_id": ctx.workspace, "first_position": each.first_position})
        dropped += 1
    return dropped


async def list_archives(ctx: Context) -> list[Archive]:
    """The workspace's archives in the order of the chain."""
    async with ctx.transaction("platform") as tx:
        return await tx.fetch_all(Archive, LIST_ARCHIVES, {"workspace_id": ctx.workspace})


async def read_archive(ctx: Context, found: Archive) -> AsyncIterator[str]:
    """The lines of an archive. Raises: BlobNotFound."""
    blob = await ctx.runtime.blobs.get(ctx.workspace, found.blob_key)
    rest = b""
    async for chunk in blob.chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode()


async def _archive_batch(ctx: Context, last: int) -> int:
    async with ctx.transaction("platform", statement_timeout_seconds=600) as tx:
        links = await tx.fetch_all(Link, LIST_LINKS, {"workspace_id": ctx.workspace, "after": 0, "limit": BATCH})
        links = [link for link in links if link.position <= last]
        if not links:
            return 0
        made = await _describe(tx, ctx.workspace, links)
    lines = "".join(_line(link) + "\n" for link in links)
    await ctx.runtime.blobs.put(ctx.workspace, made.blob_key, lines.encode(), "application/x-ndjson")
    async with ctx.transaction("platform", statement_timeout_seconds=600) as tx:
        fields = {name: getattr(made, name) for name in Archive.__slots__}
        await tx.execute(INSERT_ARCHIVE, {"workspace_id": ctx.workspace, **fields})
        await tx.fetch_value(int, LEAVE, {"workspace_id": ctx.workspace, "last_position": made.last_position})
    return len(links)


async def _describe(tx: Transaction, workspace_id: UUID, links: list[Link]) -> Archive:
    first, last = links[0].position, links[-1].position
    known = await tx.fetch_all(Archive, LIST_ARCHIVES, {"workspace_id": workspace_id})
    newest = await tx.fetch_value(datetime, FIND_NEWEST_TIME, {"workspace_id": workspace_id, "first": first, "last": last})
    return Archive(
        first_position=first,
        last_position=last,
        previous_hash=known[-1].chain_hash if known else genesis(workspace_id),
        chain_hash=links[-1].chain_hash,
        blob_key=f"{FOLDER}/{first:019}-{last:019}.ndjson",
        newest_at=newest,
    )


def _line(link: Link) -> str:
    return json.dumps(
        {
            "position": link.position,
            "entry_id": str(link.entry_id),
            "entry_hash": link.entry_hash.hex(),
            "chain_hash": link.chain_hash.hex(),
            "entry": link.text,
        }
    )
