"""Idempotency keys: a request's effect and its answer are recorded once, in the transaction of the effect."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from nexusone.kernel.contract import Contract
from nexusone.kernel.errors import Conflict, Unprocessable
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.platform.database import Transaction
from nexusone.platform.origin import IdempotencyClaim
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

KEPT_FOR = timedelta(hours=72)
LOCKED_FOR = timedelta(seconds=60)
LOCK_MARKS = 1_000_000

# One statement decides: a new key is taken, an expired lock is taken over, anything else shows what is there.
CLAIM = sql("""
insert into platform.idempotency as known
    (workspace_id, principal_id, method, path, key, fingerprint, locked_until, created_at)
values (%(workspace_id)s, %(principal_id)s, %(method)s, %(path)s, %(key)s, %(fingerprint)s, %(locked_until)s, %(now)s)
on conflict (workspace_id, principal_id, method, path, key) do update
set locked_until = case
        when known.created_at < %(forgotten)s
            or (known.status is null and known.locked_until < %(now)s and known.fingerprint = excluded.fingerprint)
        then excluded.locked_until else known.locked_until end,
    fingerprint = case when known.created_at < %(forgotten)s then excluded.fingerprint else known.fingerprint end,
    status = case when known.created_at < %(forgotten)s then null else known.status end,
    body = case when known.created_at < %(forgotten)s then null else known.body end,
    created_at = case when known.created_at < %(forgotten)s then excluded.created_at else known.created_at end
returning fingerprint, status, body, locked_until
""")

CONCLUDE = sql("""
update platform.idempotency
set status = %(status)s, body = %(body)s
where workspace_id = %(workspace_id)s and principal_id = %(principal_id)s
  and method = %(method)s and path = %(path)s and key = %(key)s and locked_until = %(locked_until)s
""")

RECORD_ANSWER = sql("""
update platform.idempotency
set status = %(status)s, body = %(body)s
where workspace_id = %(workspace_id)s and principal_id = %(principal_id)s
  and method = %(method)s and path = %(path)s and key = %(key)s and locked_until = %(locked_until)s and status is null
""")

AMEND = sql("""
update platform.idempotency
set status = %(status)s, body = %(body)s
where workspace_id = %(workspace_id)s and principal_id = %(principal_id)s
  and method = %(method)s and path = %(path)s and key = %(key)s and status is not null
""")

WITHDRAW = sql("""
update platform.idempotency
set status = null, body = null
where workspace_id = %(workspace_id)s and principal_id = %(principal_id)s
  and method = %(method)s and path = %(path)s and key = %(key)s and locked_until = %(locked_until)s
""")

ABANDON = sql("""
delete from platform.idempotency
where workspace_id = %(workspace_id)s and principal_id = %(principal_id)s
  and method = %(method)s and path = %(path)s and key = %(key)s and locked_until = %(locked_until)s and status is null
""")

FORGET = sql("""
delete from platform.idempotency where workspace_id = %(workspace_id)s and created_at < %(forgotten)s
""")

LIST_FORGETTABLE_WORKSPACES = sql("""
select distinct workspace_id from platform.idempotency where created_at < %(forgotten)s limit 1000
""")


class IdempotencyKeyReused(Unprocessable):
    """The key was used before with another request body."""

    code = "idempotency.key_reused"


class IdempotencyInFlight(Conflict):
    """The first request with this key is still being worked on."""

    code = "idempotency.in_flight"


@dataclass(frozen=True, slots=True)
class Replay:
    """The recorded answer to a request that was made before."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Known:
    fingerprint: bytes
    status: int | None
    body: bytes | None
    locked_until: datetime


async def claim(ctx: Context, wanted: IdempotencyClaim) -> IdempotencyClaim | Replay:
    """Takes the key for this request, which then holds its lock, or gives back what the first request was answered.

    Raises:
        IdempotencyKeyReused: the key belongs to a request with another body.
        IdempotencyInFlight: the first request has not ended yet.
    """
    now = ctx.now()
    # The random part tells whose lock it is, even between two requests of the same instant.
    locked_until = now + LOCKED_FOR + timedelta(microseconds=secrets.randbelow(LOCK_MARKS))
    parameters = {**_key(ctx.workspace, replace(wanted, locked_until=locked_until)), "fingerprint": wanted.fingerprint, "now": now}
    try:
        known = await _claim(ctx, parameters)
    except UnknownOutcome:
        # If it was done, the lock is found to be this request's own.
        known = await _claim(ctx, parameters)
    if known.fingerprint != wanted.fingerprint:
        raise IdempotencyKeyReused(key=wanted.key)
    if known.status is not None:
        return Replay(status=known.status, body=known.body or b"")
    if known.locked_until != locked_until:
        raise IdempotencyInFlight(key=wanted.key, headers={"Retry-After": "1"})
    return replace(wanted, locked_until=locked_until)


async def _claim(ctx: Context, parameters: dict[str, object]) -> _Known:
    async with ctx.transaction("platform") as tx:
        return await tx.fetch_one(_Known, CLAIM, {**parameters, "forgotten": ctx.now() - KEPT_FOR})


async def conclude(tx: Transaction, answer: Contract | None) -> None:
    """Records, in the effect's own transaction, what the caller will be answered; without a key it does nothing.

    Raises:
        IdempotencyInFlight: this request outlived its lock, and another one with the same key had the effect.
    """
    await conclude_with(tx, answer.model_dump_json().encode() if answer is not None else b"")


async def conclude_with(tx: Transaction, body: bytes) -> None:
    """The same with an answer that is no contract of ours.

    Raises:
        IdempotencyInFlight: as `conclude`.
    """
    claimed = tx.origin.idempotency
    workspace_id = tx.origin.workspace_id
    if claimed is None or workspace_id is None:
        return
    if await tx.execute(CONCLUDE, {**_key(workspace_id, claimed), "status": claimed.status, "body": body}) == 0:
        raise IdempotencyInFlight(key=claimed.key, headers={"Retry-After": "1"})


async def amend(tx: Transaction, answer: Contract) -> None:
    """Replaces what this request concluded with when its long work began by how that work ended; without a key it does nothing."""
    await amend_with(tx, answer.model_dump_json().encode())


async def amend_with(tx: Transaction, body: bytes) -> None:
    """The same with an answer that is no contract of ours."""
    claimed = tx.origin.idempotency
    workspace_id = tx.origin.workspace_id
    if claimed is None or workspace_id is None:
        return
    await tx.execute(AMEND, {**_key(workspace_id, claimed), "status": claimed.status, "body": body})


async def withdraw(tx: Transaction) -> None:
    """Takes back what this request concluded with when its work began, because that surely came to nothing; its key can be abandoned."""
    claimed = tx.origin.idempotency
    workspace_id = tx.origin.workspace_id
    if claimed is not None and workspace_id is not None:
        await tx.execute(WITHDRAW, _key(workspace_id, claimed))


async def record_answer(ctx: Context, claimed: IdempotencyClaim, *, body: bytes) -> None:
    """Records the answer of an operation that had no effect of its own to conclude with; a concluded one stays."""
    async with ctx.transaction("platform") as tx:
        await tx.execute(RECORD_ANSWER, {**_key(ctx.workspace, claimed), "status": claimed.status, "body": body})


async def abandon(ctx: Context, claimed: IdempotencyClaim) -> None:
    """Frees a key whose request was refused before it had any effect; a recorded effect stays."""
    async with ctx.transaction("platform") as tx:
        await tx.execute(ABANDON, _key(ctx.workspace, claimed))


async def forget_old_keys(ctx: Context) -> None:
    """Deletes keys past their 72 hours, workspace by workspace."""
    forgotten = ctx.now() - KEPT_FOR
    async with ctx.transaction("system") as tx:
        rows = await tx.fetch_tuples(LIST_FORGETTABLE_WORKSPACES, {"forgotten": forgotten})
    for (workspace_id,) in rows:
        async with ctx.for_workspace(workspace_id).transaction("platform") as tx:
            await tx.execute(FORGET, {"workspace_id": workspace_id, "forgotten": forgotten})


def _key(workspace_id: UUID, claimed: IdempotencyClaim) -> dict[str, object]:
    return {
        "workspace_id": workspace_id,
        "principal_id": claimed.principal_id,
        "method": claimed.method,
        "path": claimed.path,
        "key": claimed.key,
        "locked_until": claimed.locked_until,
    }
