"""The words of compliance: entries of the audit trail."""

from typing import Literal

from pydantic import JsonValue

from nexusone.kernel.contract import Contract, Id, Instant

ExportFormat = Literal["csv", "ndjson"]


class AuditEntry(Contract):
    """Who did what to which thing, when and from where.

    `changes` maps each changed field to `{"before": …, "after": …}`, with secrets and personal data masked. `impersonator_id` is
    the operator who acted in the actor's place. `position` is the place in the workspace's chain, null until it is sealed.
    """

    id: Id
    occurred_at: Instant
    actor_kind: str
    actor_id: Id | None
    impersonator_id: Id | None
    ip: str | None
    request_id: str
    action: str
    object_kind: str
    object_id: str
    changes: dict[str, JsonValue]
    result: str
    position: int | None
