"""Facts: published as rows of the event log, with one job per subscriber, in the transaction that made them true."""

from collections.abc import Awaitable, Callable, Mapping
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
from nexusone.platform.sql import Sql, fragment, sql

E = TypeVar("E", bound="Event")

# The fact and its entry in the audit trail in one trip.
INSERT_EVENT = fragment("""
with fact as (
    insert into platform.event (workspace_id, id, name, payload, actor, request_id, occurred_at)
    values (%(workspace_id)s, %(id)s, %(name)s, %(payload)s, %(actor)s, %(request_id)s, %(published_at)s)
)
{entry}
""").fill(entry=ENTRY)

# The same inside a statement that changes something, for hot paths. The query `told` has one row where there is a
# fact to tell: `object_id`, and `details`, what of the payload the database alone knows, none of it secret, personal or free text;
# `changes` says the same as the audit trail does.
FACT: Sql = fragment("""
fact as (
    insert into platform.event (workspace_id, id, name, payload, actor, request_id, occurred_at)
    select %(workspace_id)s::uuid, %(fact_id)s::uuid, %(fact_name)s::text, %(fact_payload)s::jsonb || told.details, %(fact_actor)s::text,
        %(request_id)s::text, %(published_at)s::timestamptz
    from ({told}) as told
), audited as (
    insert into platform.audit_entry
        (workspace_id, id, occurred_at, actor_kind, actor_id, impersonator_id, ip, request_id,
         action, object_kind, object_id, changes, result, content_hash)
    select %(workspace_id)s::uuid, %(entry_id)s::uuid, now(), %(actor_kind)s::text, %(actor_id)s::uuid, %(impersonator_id)s::uuid,
        %(ip)s::text, %(printable_request_id)s::text, %(action)s::text, %(object_kind)s::text, told.object_id,
        %(changes)s::jsonb || told.changes,
        %(result)s::text, ''::bytea
    from ({told}) as told
)
""")

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


def fact_parameters(ctx: Context, event: type[Event], *, known: Mapping[str, object]) -> dict[str, object]:
    """The parameters of the FACT fragment; `known` is the payload as far as it is known before, in JSON's types.

    The statement leaves no jobs: it serves events that have no subscribers, so ask `ctx.subscribers` first.
    """
    fact_id = new_id()
    entry = entry_parameters(
        ctx,
        action=event.name.rpartition(".v")[0],
        object_kind=event.name.split(".")[1],
        object_id="",
        changes=changes_between(None, known),
    )
    return {
        **entry,
        "printable_request_id": entry["request_id"],
        "request_id": ctx.request_id,
        "fact_id": fact_id,
        "fact_name": event.name,
        "fact_payload": Jsonb({"event_id": str(fact_id), **known}),
        "fact_actor": ctx.principal.label,
        "published_at": ctx.now(),
    }


async def list_events_after(ctx: Context, *, after: UUID, limit: int) -> list[LoggedEvent]:
    """The workspace's events after an id, oldest first."""
    async with ctx.transaction("platform") as tx:
        return await tx.fetch_all(LoggedEvent, LIST_EVENTS_AFTER, {"workspace_id": ctx.workspace, "after": after, "limit": limit})


async def find_event(ctx: Context, *, event_id: UUID) -> LoggedEvent | None:
    """One event of the workspace, or None."""
    async with ctx.transaction("platform") as tx:
        return await tx.find_one(LoggedEvent, FIND_EVENT, {"workspace_id": ctx.workspace, "id": event_id})
