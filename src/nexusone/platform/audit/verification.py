"""Verification: walks a workspace's chain, archives first, and names the first row that is not as it was written."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from nexusone.platform.audit.archives import Archive, list_archives, read_archive
from nexusone.platform.audit.chain import Broken, Link, Walk, genesis
from nexusone.platform.audit.checkpoints import (
    PURPOSE,
    Checkpoint,
    CheckpointForged,
    find_newest_text,
    list_positions,
    read_checkpoint,
    read_stored,
)
from nexusone.platform.audit.reading import LIST_LINKS
from nexusone.platform.audit.sealing import Head, every_workspace
from nexusone.platform.blobs import BlobNotFound
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

SECONDS_MAX = 3600

FIND_HEAD = sql("select position, chain_hash from platform.audit_head where workspace_id = %(workspace_id)s")

# Written past the trigger that announces entries to the sealer, or announced and then taken away.
FIND_STRAY = sql("""
select entry.id, true as is_there
from platform.audit_entry as entry
where entry.workspace_id = %(workspace_id)s
    and not exists (
        select 1 from platform.audit_seal as seal where seal.workspace_id = %(workspace_id)s and seal.entry_id = entry.id
    )
    and not exists (
        select 1 from platform.audit_pending as pending where pending.workspace_id = %(workspace_id)s and pending.entry_id = entry.id
    )
union all
select pending.entry_id, false
from platform.audit_pending as pending
where pending.workspace_id = %(workspace_id)s
    and not exists (
        select 1 from platform.audit_entry as entry where entry.workspace_id = %(workspace_id)s and entry.id = pending.entry_id
    )
limit 1
""")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found: `entries` links were followed, `broken` is the first that is wrong, or None."""

    workspace_id: UUID
    entries: int
    checkpoint: int | None
    broken: Broken | None


@dataclass(frozen=True, slots=True)
class _Stray:
    id: UUID
    is_there: bool


async def verify_all(ctx: Context) -> AsyncIterator[Verdict]:
    """Every workspace that has a trail, one by one; takes the system context."""
    async for inside in every_workspace(ctx):
        yield await verify(inside)


async def verify(ctx: Context) -> Verdict:
    """Follows the workspace's chain from its oldest archive to its end, against entries, head and every checkpoint."""
    checkpoints, forged = await _checkpoints(ctx)
    archives = await list_archives(ctx)
    start = archives[0] if archives else None
    walk = Walk(
        position=start.first_position - 1 if start else 0,
        hash=start.previous_hash if start and start.first_position > 1 else genesis(ctx.workspace),
        watched=frozenset(taken.position for taken in checkpoints),
    )
    broken = forged or await _walk(ctx, walk, archives)
    if broken is None:
        against = (walk.against(taken.position, taken.chain_hash) for taken in checkpoints)
        broken = next((wrong for wrong in against if wrong is not None), None) or await _find_stray(ctx)
    return Verdict(ctx.workspace, walk.count, checkpoints[-1].position if checkpoints else None, broken)


async def _walk(ctx: Context, walk: Walk, archives: list[Archive]) -> Broken | None:
    for archive in archives:
        broken = await _walk_archive(ctx, walk, archive)
        if broken is not None:
            return broken
    head = None
    async with ctx.transaction("platform", statement_timeout_seconds=SECONDS_MAX) as tx:
        async for link in tx.stream(Link, LIST_LINKS, {"workspace_id": ctx.workspace, "after": 0, "limit": None}):
            if (broken := walk.follow(link)) is not None:
                return broken
    async with ctx.transaction("platform") as tx:
        head = await tx.find_one(Head, FIND_HEAD, {"workspace_id": ctx.workspace})
    if head is None:
        return None if walk.position == 0 else Broken("deleted", None, None, "the chain has no head")
    # Sealing may have gone on meanwhile; a head behind the chain, or another one at its end, cannot come from that.
    if head.position < walk.position:
        return Broken("inserted", head.position + 1, None, f"the chain's head is at {head.position}, its last seal at {walk.position}")
    return None if head.position > walk.position or head.chain_hash == walk.hash else _other_head(walk)


def _other_head(walk: Walk) -> Broken:
    return Broken("rewritten", walk.position, None, "the chain does not end with the hash of its head")


async def _walk_archive(ctx: Context, walk: Walk, archive: Archive) -> Broken | None:
    try:
        async for line in read_archive(ctx, archive):
            if (broken := walk.follow(_link_of(line))) is not None:
                return broken
    except BlobNotFound:
        return Broken("deleted", archive.first_position, None, f"the archive {archive.blob_key} is gone")
    except (ValueError, KeyError, TypeError):
        return Broken("edited", walk.position + 1, None, f"the archive {archive.blob_key} cannot be read")
    if (walk.position, walk.hash) != (archive.last_position, archive.chain_hash):
        return Broken("truncated", walk.position + 1, None, f"the archive {archive.blob_key} is not what was archived")
    return None


def _link_of(line: str) -> Link:
    found = json.loads(line)
    return Link(
        found["position"], UUID(found["entry_id"]), bytes.fromhex(found["entry_hash"]), bytes.fromhex(found["chain_hash"]), found["entry"]
    )


async def _checkpoints(ctx: Context) -> tuple[list[Checkpoint], Broken | None]:
    found: list[Checkpoint] = []
    position, stored = 0, None
    try:
        for position in await list_positions(ctx):
            stored = await read_stored(ctx, position)
            if stored is not None:
                found.append(stored)
        # Retired keys explain old ones only: the newest is signed anew whenever the primary key changes.
        if position and stored is None:
            raise CheckpointForged("the newest names a key that is not ours")
    except CheckpointForged as error:
        return found, Broken("rewritten", position, None, f"a checkpoint in the blob store is forged: {error}")
    text = await find_newest_text(ctx)
    try:
        known = read_checkpoint(text, keys=ctx.runtime.keys.signing_keys(PURPOSE)) if text else None
    except CheckpointForged as error:
        return found, Broken("rewritten", None, None, f"the newest checkpoint in the database is forged: {error}")
    if known is not None and known not in found:
        found.append(known)
    return sorted(found, key=lambda taken: taken.position), None


async def _find_stray(ctx: Context) -> Broken | None:
    async with ctx.transaction("platform", statement_timeout_seconds=SECONDS_MAX) as tx:
        stray = await tx.find_one(_Stray, FIND_STRAY, {"workspace_id": ctx.workspace})
    if stray is None:
        return None
    if stray.is_there:
        return Broken("inserted", None, stray.id, "the entry came past the sealer")
    return Broken("deleted", None, stray.id, "the entry went before it was sealed")
