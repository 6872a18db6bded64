"""Signed checkpoints of chains, kept outside the database: they show what was cut off or written anew."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nexusone.platform.audit.sealing import lock_head, seal, workspaces_of
from nexusone.platform.runtime import Context
from nexusone.platform.signing import SigningKeys
from nexusone.platform.sql import sql

PURPOSE = "audit"
FOLDER = "audit/checkpoints"

INSERT_CHECKPOINT = sql("""
with known as (
    insert into platform.audit_checkpoint (workspace_id, position, chain_hash, taken_at, text)
    values (%(workspace_id)s, %(position)s, %(chain_hash)s, %(taken_at)s, %(text)s)
    on conflict (workspace_id, position) do nothing
)
update platform.audit_head set checkpointed = %(position)s where workspace_id = %(workspace_id)s and checkpointed < %(position)s
""")

FIND_NEWEST = sql("""
select text from platform.audit_checkpoint where workspace_id = %(workspace_id)s order by position desc limit 1
""")

LIST_GROWN_WORKSPACES = sql("""
select workspace_id from platform.audit_head
where position > checkpointed and (%(after)s::uuid is null or workspace_id > %(after)s)
order by workspace_id
limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a workspace's chain reached at an instant: `position` entries, and the hash over all of them."""

    workspace_id: UUID
    position: int
    chain_hash: bytes
    taken_at: datetime


async def take_checkpoints(ctx: Context) -> None:
    """Seals and checkpoints every chain that went on; takes the system context."""
    async for inside in workspaces_of(ctx, LIST_GROWN_WORKSPACES):
        await take_checkpoint(inside)


async def take_checkpoint(ctx: Context) -> Checkpoint:
    """Seals what waits and signs where the chain then ends. The blob is there before the database knows of it."""
    await seal(ctx)
    async with ctx.transaction("platform") as tx:
        head = await lock_head(tx, ctx.workspace)
    taken = Checkpoint(ctx.workspace, head.position, head.chain_hash, ctx.now())
    text = write_checkpoint(taken, keys=ctx.runtime.keys.signing_keys(PURPOSE))
    await ctx.runtime.blobs.put(ctx.workspace, checkpoint_key(taken.position), text.encode(), "application/json")
    async with ctx.transaction("platform") as tx:
        await tx.execute(
            INSERT_CHECKPOINT,
            {
                "workspace_id": ctx.workspace,
                "position": taken.position,
                "chain_hash": taken.chain_hash,
                "taken_at": taken.taken_at,
                "text": text,
            },
        )
    return taken


async def find_newest_text(ctx: Context) -> str | None:
    """The newest checkpoint that the database knows of."""
    async with ctx.transaction("platform") as tx:
        return await tx.find_value(str, FIND_NEWEST, {"workspace_id": ctx.workspace})


async def list_positions(ctx: Context) -> list[int]:
    """The positions of the checkpoints in the blob store, in order."""
    return sorted([position async for position in _positions(ctx)])


async def read_stored(ctx: Context, position: int) -> Checkpoint | None:
    """A checkpoint from the blob store; None where it was not signed by us for this place."""
    blob = await ctx.runtime.blobs.get(ctx.workspace, checkpoint_key(position))
    text = b"".join([chunk async for chunk in blob.chunks]).decode(errors="replace")
    found = read_checkpoint(text, keys=ctx.runtime.keys.signing_keys(PURPOSE))
    return found if found and (found.workspace_id, found.position) == (ctx.workspace, position) else None


def checkpoint_key(position: int) -> str:
    """The blob's key; keys sort by position."""
    return f"{FOLDER}/{position:019}.json"


def write_checkpoint(taken: Checkpoint, *, keys: SigningKeys) -> str:
    """The checkpoint as JSON, with an Ed25519 signature over `signed` and the public key that proves it."""
    signed = json.dumps(
        {
            "workspace_id": str(taken.workspace_id),
            "position": taken.position,
            "entries": taken.position,
            "chain_hash": taken.chain_hash.hex(),
            "taken_at": taken.taken_at.isoformat(),
        }
    )
    private = _private(keys, keys.primary_id)
    return json.dumps(
        {
            "signed": signed,
            "key": keys.primary_id,
            "public_key": base64.b64encode(private.public_key().public_bytes_raw()).decode(),
            "signature": base64.b64encode(private.sign(signed.encode())).decode(),
        }
    )


def read_checkpoint(text: str, *, keys: SigningKeys) -> Checkpoint | None:
    """The checkpoint, or None where none of our keys signed it."""
    try:
        found = json.loads(text)
        _private(keys, found["key"]).public_key().verify(base64.b64decode(found["signature"]), found["signed"].encode())
        said = json.loads(found["signed"])
        taken_at = datetime.fromisoformat(said["taken_at"])
        return Checkpoint(UUID(said["workspace_id"]), said["position"], bytes.fromhex(said["chain_hash"]), taken_at)
    except (ValueError, KeyError, TypeError, InvalidSignature):
        return None


async def _positions(ctx: Context) -> AsyncIterator[int]:
    async for entry in ctx.runtime.blobs.list_blobs(ctx.workspace, FOLDER):
        name = entry.key.removeprefix(f"{FOLDER}/").removesuffix(".json")
        if name.isdecimal():
            yield int(name)


def _private(keys: SigningKeys, key_id: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.keys[key_id])
