"""Writing entries: one INSERT in the caller's transaction; the database stamps time and hash."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from nexusone.kernel.ids import new_id
from nexusone.platform.audit.masking import changes_between, printable
from nexusone.platform.database import Transaction
from nexusone.platform.origin import Origin
from nexusone.platform.runtime import Context
from nexusone.platform.sql import Sql, fragment

Result = Literal["done", "refused", "failed"]

INSTALLATION = UUID(int=0)
"""The trail of what belongs to no workspace, such as a sign-in of somebody unknown."""

# The trigger puts time and hash in place of these.
ENTRY: Sql = fragment("""
insert into platform.audit_entry
    (workspace_id, id, occurred_at, actor_kind, actor_id, impersonator_id, ip, request_id,
     action, object_kind, object_id, changes, result, content_hash)
values (%(workspace_id)s, %(entry_id)s, now(), %(actor_kind)s, %(actor_id)s, %(impersonator_id)s, %(ip)s, %(request_id)s,
        %(action)s, %(object_kind)s, %(object_id)s, %(changes)s, %(result)s, '')
""")

INSERT_ENTRY = ENTRY.fill()

# For the rest of the transaction at most, and taken back at once.
ENTER_INSTALLATION = fragment("set local nexusone.workspace = '00000000-0000-0000-0000-000000000000'")
LEAVE_INSTALLATION = fragment("set local nexusone.workspace = ''")


async def record(
    tx: Transaction,
    *,
    action: str,
    object_kind: str,
    object_id: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    result: Result = "done",
) -> None:
    """Writes an entry with the transaction's commit. Fields that did not change are left out; secrets and personal data are masked.

    `action` is `module.subject.verb`, `object_id` the thing's id. Without a workspace it goes to the installation's trail.
    """
    parameters = entry_parameters(
        tx.origin, action=action, object_kind=object_kind, object_id=object_id, changes=changes_between(before, after), result=result
    )
    if tx.origin.workspace_id is not None:
        await tx.execute(INSERT_ENTRY, parameters)
        return
    await tx.execute(ENTER_INSTALLATION)
    await tx.execute(INSERT_ENTRY, parameters)
    await tx.execute(LEAVE_INSTALLATION)


async def record_apart(
    ctx: Context,
    *,
    action: str,
    object_kind: str,
    object_id: str,
    after: Mapping[str, object] | None = None,
    result: Result = "refused",
) -> None:
    """The same in a transaction of its own, for what was refused and therefore changed nothing."""
    async with ctx.for_workspace(ctx.workspace_id or INSTALLATION).transaction("platform") as tx:
        await record(tx, action=action, object_kind=object_kind, object_id=object_id, after=after, result=result)


def entry_parameters(
    origin: Origin, *, action: str, object_kind: str, object_id: str, changes: Mapping[str, object], result: Result = "done"
) -> dict[str, object]:
    """The parameters of the ENTRY fragment."""
    principal = origin.principal
    return {
        "workspace_id": origin.workspace_id or INSTALLATION,
        "entry_id": new_id(),
        "actor_kind": principal.kind,
        "actor_id": principal.id,
        "impersonator_id": principal.impersonator,
        "ip": origin.ip,
        "request_id": printable(origin.request_id),
        "action": printable(action),
        "object_kind": printable(object_kind),
        "object_id": printable(object_id),
        "changes": Jsonb(changes),
        "result": result,
    }


def object_of(name: str, payload: Mapping[str, object]) -> tuple[str, str]:
    """Kind and id of what an event `module.subject.action.vN` is about: the subject, and its id or the first there is."""
    subject = name.split(".")[1]
    own = payload.get(f"{subject}_id") or payload.get("workspace_id" if subject == "workspace" else f"{subject}_key")
    found = own or next((value for field, value in payload.items() if field.endswith("_id") and field != "event_id"), None)
    return subject, str(found or payload["event_id"])
