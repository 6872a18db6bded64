"""A workspace's secrets for the headers of its pipelines' calls: put, listed without their values, deleted, opened for a call."""

from collections.abc import Mapping, Sequence

from pydantic import SecretStr

from nexusone.kernel.ids import new_id
from nexusone.modules.ai.contracts.pipeline_secrets import PipelineSecret, PipelineSecretWish
from nexusone.modules.ai.service.refusals_pipelines import PipelineSecretInUse, PipelineSecretNotFound, PipelineSecretsFull
from nexusone.modules.ai.store import pipeline_secrets
from nexusone.modules.ai.store.pipeline_secrets import PipelineSecretRow
from nexusone.platform.audit import record
from nexusone.platform.runtime import Context

TABLE, COLUMN = "ai.pipeline_secret", "sealed_value"
SECRETS_MAX = 100
USERS_MAX = 20


async def list_secrets(ctx: Context) -> list[PipelineSecret]:
    """All of them, without their values."""
    async with ctx.transaction("ai") as tx:
        rows = await pipeline_secrets.list_all(tx, workspace_id=ctx.workspace)
    return [_shown(row) for row in rows]


async def put_secret(ctx: Context, *, name: str, wanted: PipelineSecretWish) -> PipelineSecret:
    """Seals a value under a name, in place of the one before; runs use it from their next call on.

    Raises:
        PipelineSecretsFull: there are as many as there may be.
    """
    vault, secret_id = ctx.runtime.vault, new_id()
    key = await vault.key_of(ctx.workspace)
    sealed = vault.seal(
        key, workspace_id=ctx.workspace, table=TABLE, column=COLUMN, row_id=secret_id, plaintext=wanted.value.encode("ascii")
    )
    async with ctx.transaction("ai") as tx:
        row = await pipeline_secrets.put(
            tx,
            workspace_id=ctx.workspace,
            name=name,
            secret_id=secret_id,
            sealed_value=sealed,
            put_by=ctx.principal.label,
            now=ctx.now(),
        )
        if row.version == 1 and len(await pipeline_secrets.list_all(tx, workspace_id=ctx.workspace)) > SECRETS_MAX:
            raise PipelineSecretsFull(limit=SECRETS_MAX)
        await record(
            tx, action="ai.pipeline_secret.put", object_kind="pipeline_secret", object_id=name, after={"name": name, "version": row.version}
        )
    return _shown(row)


async def delete_secret(ctx: Context, *, name: str) -> None:
    """Forgets a secret; a run that still names it fails at that step.

    Raises:
        PipelineSecretNotFound: there is none.
        PipelineSecretInUse: a published version of a pipeline names it.
    """
    async with ctx.transaction("ai") as tx:
        if not await pipeline_secrets.lock(tx, workspace_id=ctx.workspace, name=name):
            raise PipelineSecretNotFound
        users = await pipeline_secrets.list_users(tx, workspace_id=ctx.workspace, name=name, limit=USERS_MAX)
        if users:
            raise PipelineSecretInUse(pipelines=", ".join(users))
        await pipeline_secrets.delete(tx, workspace_id=ctx.workspace, name=name)
        await record(tx, action="ai.pipeline_secret.deleted", object_kind="pipeline_secret", object_id=name)


async def open_secrets(ctx: Context, names: Sequence[str]) -> Mapping[str, SecretStr]:
    """The values of those of these names that there are, for one call."""
    if not names:
        return {}
    async with ctx.transaction("ai") as tx:
        rows = await pipeline_secrets.find_named(tx, workspace_id=ctx.workspace, names=names)
    vault = ctx.runtime.vault
    key = await vault.key_of(ctx.workspace)
    place = {"table": TABLE, "column": COLUMN}
    return {
        row.name: SecretStr(
            vault.open(key, workspace_id=ctx.workspace, row_id=row.id, ciphertext=row.sealed_value, **place).decode("ascii"),
        )
        for row in rows
    }


def _shown(row: PipelineSecretRow) -> PipelineSecret:
    return PipelineSecret(
        name=row.name,
        version=row.version,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
        last_used_at=row.last_used_at,
    )
