"""Facts: published as rows of the event log, with one job per subscriber, in the transaction that made them true."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import Field

from nexusone.kernel.contract import Contract, Id, Instant
from nexusone.kernel.ids import new_id
from nexusone.platform.audit.entries import ENTRY, entry_parameters, object_of
from nexusone.platform.audit.masking import changes_between
from nexusone.platform.database import Transaction
from nexusone.platform.jobs import JobKind, enqueue_named
from nexusone.platform.runtime import Context
from nexusone.platform.sql import fragment, sql

E = TypeVar("E", bound="Event")

# The fact and its entry in the audit trail in one trip.
INSERT_EVENT = fragment("""
with fact as (
    insert into platform.event (workspace_id, id, name, payload, actor, request_id, occurred_at)
    values (%(workspace_id)s, %(id)s, %(name)s, %(payload)s, %(actor)s, %(request_id)s, %(published_at)s)
)
{entry}
""").fill(entry=ENTRY)

LIST_EVENTS_AFTER = sql("""
select id, name, payload, actor, occurred_at
from platform.event
where workspace_id = %(workspace_id)s and id > %(after)s
order by id
limit %(limit)s
""")

FIND_EVENT = sql("""
select id, name, payload, actor, occurred_at
from platform.event
where workspace_id = %(workspace_id)s and id = %(id)s
""")


class Event(Contract):
    """A fact in the past tense. `name` is `module.subject.action.vN` and never changes its meaning."""

    name: ClassVar[str]

    event_id: Id = Field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Subscriber(Generic[E]):
    """What an event makes a module do; named by the consequence, idempotent by `event_id`."""

    event: type[E]
    name: str
    handler: Callable[[Context, E], Awaitable[None]]

    def job(self) -> JobKind[E]:
        """The job that every publication of the event sets off."""
        return JobKind(name=self.name, payload=self.event, handler=self.handler, is_completion=True)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One row of the event log, as the live stream shows it."""

    id: UUID
    name: str
    payload: dict[str, Any]
    actor: str
    occurred_at: Instant


async def publish(tx: Transaction, event: Event) -> None:
    """Writes the fact, its entry in the audit trail and its subscribers' jobs with the transaction's commit."""
    origin = tx.origin
    payload = event.model_dump(mode="json")
    kind, identifier = object_of(event.name, payload)
    told = {name: value for name, value in payload.items() if name != "event_id"}
    entry = entry_parameters(
        origin,
        action=event.name.rpartition(".v")[0],
        object_kind=kind,
        object_id=identifier,
        changes=changes_between(None, told),
    )
    await tx.execute(
        INSERT_EVENT,
        {
            **entry,
            "id": event.event_id,
            "name": event.name,
            "payload": Jsonb(payload),
            "actor": origin.principal.label,
            "published_at": origin.now(),
        },
    )
    if names := origin.subscribers(event.name):
        await enqueue_named(tx, [(name, event) for name in names])


async def list_events_after(ctx: Context, *, after: UUID, limit: int) -> list[LoggedEvent]:
    """The workspace's events after an id, oldest first."""
    async with ctx.transaction("platform") as tx:
        return await tx.fetch_all(LoggedEvent, LIST_EVENTS_AFTER, {"workspace_id": ctx.workspace, "after": after, "limit": limit})


async def find_event(ctx: Context, *, event_id: UUID) -> LoggedEvent | None:
    """One event of the workspace, or None."""
    async with ctx.transaction("platform") as tx:
        return await tx.find_one(LoggedEvent, FIND_EVENT, {"workspace_id": ctx.workspace, "id": event_id})
