"""Signed checkpoints of chains, kept outside the database: they show what was cut off or written anew."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nexusone.platform.audit.sealing import lock_head, seal, workspaces_of
from nexusone.platform.blobs import BlobNotFound
from nexusone.platform.runtime import Context
from nexusone.platform.signing import SigningKeys
from nexusone.platform.sql import sql

PURPOSE = "audit"
FOLDER = "audit/checkpoints"

_log = structlog.get_logger(__name__)

INSERT_CHECKPOINT = sql("""
with known as (
    insert into platform.audit_checkpoint (workspace_id, position, chain_hash, taken_at, key_id, text)
    values (%(workspace_id)s, %(position)s, %(chain_hash)s, %(taken_at)s, %(key_id)s, %(text)s)
    on conflict (workspace_id, position, key_id) do nothing
)
update platform.audit_head set checkpointed = %(position)s, signed_with = %(key_id)s
where workspace_id = %(workspace_id)s and checkpointed <= %(position)s
""")

FIND_NEWEST = sql("""
select text from platform.audit_checkpoint where workspace_id = %(workspace_id)s order by position desc, taken_at desc limit 1
""")

LIST_GROWN_WORKSPACES = sql("""
select workspace_id from platform.audit_head
where (position > checkpointed or signed_with <> %(key_id)s) and (%(after)s::uuid is null or workspace_id > %(after)s)
order by workspace_id
limit %(limit)s
""")


class CheckpointForged(Exception):
    """A checkpoint that none of our keys signed, for that place, with that hash."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a workspace's chain reached at an instant: `position` entries, and the hash over all of them."""

    workspace_id: UUID
    position: int
    chain_hash: bytes
    taken_at: datetime


async def take_checkpoints(ctx: Context) -> None:
    """Seals and checkpoints every chain that went on; takes the system context."""
    async for inside in workspaces_of(ctx, LIST_GROWN_WORKSPACES, key_id=ctx.runtime.keys.signing_keys(PURPOSE).primary_id):
        try:
            await take_checkpoint(inside)
        except CheckpointForged as error:
            _log.error("audit.checkpoint_forged", workspace_id=str(inside.workspace), error=str(error))


async def take_checkpoint(ctx: Context) -> Checkpoint:
    """Seals what waits and signs where the chain then ends. The blob is there before the database knows of it.

    Raises:
        CheckpointForged: the same place was signed before with another hash; that checkpoint stays.
    """
    await seal(ctx)
    async with ctx.transaction("platform") as tx:
        head = await lock_head(tx, ctx.workspace)
    taken = Checkpoint(ctx.workspace, head.position, head.chain_hash, ctx.now())
    before = await _find_stored(ctx, taken.position)
    if before is not None and before.chain_hash != taken.chain_hash:
        raise CheckpointForged(f"position {taken.position} of {ctx.workspace} was signed with another hash")
    keys = ctx.runtime.keys.signing_keys(PURPOSE)
    text = write_checkpoint(taken, keys=keys)
    await ctx.runtime.blobs.put(ctx.workspace, checkpoint_key(taken.position), text.encode(), "application/json")
    fields = {"position": taken.position, "chain_hash": taken.chain_hash, "taken_at": taken.taken_at}
    async with ctx.transaction("platform") as tx:
        await tx.execute(INSERT_CHECKPOINT, {"workspace_id": ctx.workspace, **fields, "key_id": keys.primary_id, "text": text})
    return taken


async def find_newest_text(ctx: Context) -> str | None:
    """The newest checkpoint that the database knows of."""
    async with ctx.transaction("platform") as tx:
        return await tx.find_value(str, FIND_NEWEST, {"workspace_id": ctx.workspace})


async def list_positions(ctx: Context) -> list[int]:
    """The positions of the checkpoints in the blob store, in order."""
    return sorted([position async for position in _positions(ctx)])


async def read_stored(ctx: Context, position: int) -> Checkpoint | None:
    """A checkpoint from the blob store; None where its key was retired. Raises: BlobNotFound, CheckpointForged."""
    blob = await ctx.runtime.blobs.get(ctx.workspace, checkpoint_key(position))
    text = b"".join([chunk async for chunk in blob.chunks]).decode(errors="replace")
    found = read_checkpoint(text, keys=ctx.runtime.keys.signing_keys(PURPOSE))
    if found is not None and (found.workspace_id, found.position) != (ctx.workspace, position):
        raise CheckpointForged("it was signed for another place")
    return found


async def _find_stored(ctx: Context, position: int) -> Checkpoint | None:
    try:
        return await read_stored(ctx, position)
    except BlobNotFound:
        return None


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
    """The checkpoint; None where the key it names is none of ours any more. Raises: CheckpointForged."""
    try:
        found = json.loads(text)
        if found["key"] not in keys.keys:
            return None
        _private(keys, found["key"]).public_key().verify(base64.b64decode(found["signature"]), found["signed"].encode())
        said = json.loads(found["signed"])
        taken_at = datetime.fromisoformat(said["taken_at"])
        return Checkpoint(UUID(said["workspace_id"]), said["position"], bytes.fromhex(said["chain_hash"]), taken_at)
    except (ValueError, KeyError, TypeError, InvalidSignature) as error:
        raise CheckpointForged("it was not signed here") from error


async def _positions(ctx: Context) -> AsyncIterator[int]:
    async for entry in ctx.runtime.blobs.list_blobs(ctx.workspace, FOLDER):
        name = entry.key.removeprefix(f"{FOLDER}/").removesuffix(".json")
        if name.isdecimal():
            yield int(name)


def _private(keys: SigningKeys, key_id: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.keys[key_id])
