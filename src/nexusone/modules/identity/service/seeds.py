"""TOTP seeds at rest.

People are of no workspace, so a seed is sealed under a data key of the person's own: the vault keeps it where it keeps
workspaces' keys, under the person's id and the purpose `user`. Whoever is erased takes it along.
"""

from uuid import UUID

from nexusone.platform.runtime import Context

PURPOSE = "user"
TABLE = "identity.totp_factor"
OPERATOR_TABLE = "identity.operator_totp"
COLUMN = "sealed_seed"


async def seal_seed(ctx: Context, *, user_id: UUID, factor_id: UUID, seed: bytes, table: str = TABLE) -> bytes:
    """The seed, sealed for one factor of one person. No transaction may be open: the key may have to be made."""
    vault = ctx.runtime.vault
    key = await vault.key_of(user_id, purpose=PURPOSE)
    return vault.seal(key, workspace_id=user_id, table=table, column=COLUMN, row_id=factor_id, plaintext=seed)


async def open_seed(ctx: Context, *, user_id: UUID, factor_id: UUID, sealed: bytes, table: str = TABLE) -> bytes:
    """The seed. No transaction may be open. Raises: SealBroken."""
    vault = ctx.runtime.vault
    key = await vault.key_of(user_id, purpose=PURPOSE)
    return vault.open(key, workspace_id=user_id, table=table, column=COLUMN, row_id=factor_id, ciphertext=sealed)
