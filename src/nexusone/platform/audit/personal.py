"""Personal values in the trail: sealed under their subject's own key before they are hashed, so that erasure breaks no chain."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from nexusone.platform.audit.entries import record
from nexusone.platform.audit.masking import Sealed
from nexusone.platform.data_keys import delete_key
from nexusone.platform.runtime import Context
from nexusone.platform.vault import DataKey, SealBroken

TABLE, COLUMN = "platform.audit_entry", "changes"
ERASED: Mapping[str, object] = {"erased": True}


@dataclass(frozen=True, slots=True)
class PersonalSeal:
    """Seals values of one data subject of one workspace."""

    ctx: Context
    subject: str
    key: DataKey

    def seal(self, value: str, *, field: str) -> Sealed:
        """The value as it may stand in an entry's `before` or `after`, under the name of its field."""
        ciphertext = self.ctx.runtime.vault.seal(
            self.key,
            workspace_id=self.ctx.workspace,
            table=TABLE,
            column=COLUMN,
            row_id=f"{self.subject}/{field}",
            plaintext=value.encode(),
        )
        return Sealed(subject=self.subject, field=field, ciphertext=ciphertext)


async def personal(ctx: Context, *, subject: str) -> PersonalSeal:
    """The seal of a data subject (`contact:0192…`, lower case); ask for it before the transaction that records."""
    key = await ctx.runtime.vault.key_of(ctx.workspace, purpose=_purpose(subject))
    return PersonalSeal(ctx, subject, key)


async def erase(ctx: Context, *, subject: str) -> bool:
    """Destroys the subject's key and leaves an entry that says so; False where there was none.

    Other processes may still read sealed values for as long as they cache keys, five minutes at most.
    """
    async with ctx.transaction("platform") as tx:
        was_there = await delete_key(tx, purpose=_purpose(subject))
        await record(tx, action="audit.subject.erased", object_kind="subject", object_id=subject, after={"had_values": was_there})
    ctx.runtime.vault.forget(ctx.workspace, purpose=_purpose(subject))
    return was_there


async def opened(ctx: Context, changes: Mapping[str, object]) -> dict[str, object]:
    """The changes with their sealed values opened; `{"erased": true}` stands where the subject's key is gone."""
    shown: dict[str, object] = {}
    for name, value in changes.items():
        if not isinstance(value, Mapping):
            shown[name] = value
        elif value.keys() == {"sealed", "subject", "field"}:
            shown[name] = await _open(ctx, value)
        else:
            shown[name] = await opened(ctx, value)
    return shown


async def _open(ctx: Context, value: Mapping[str, object]) -> object:
    subject, field = str(value["subject"]), str(value["field"])
    try:
        key = await ctx.runtime.vault.find_key_of(ctx.workspace, purpose=_purpose(subject))
        if key is None:
            return ERASED
        ciphertext = base64.b64decode(str(value["sealed"]), validate=True)
        plaintext = ctx.runtime.vault.open(
            key, workspace_id=ctx.workspace, table=TABLE, column=COLUMN, row_id=f"{subject}/{field}", ciphertext=ciphertext
        )
    except (SealBroken, ValueError, binascii.Error):
        return ERASED
    return plaintext.decode()


def _purpose(subject: str) -> str:
    return f"subject:{subject}"
