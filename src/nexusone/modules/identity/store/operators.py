"""SQL of operators and of their visits in workspaces."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_OPERATOR = sql("""
insert into identity.operator (id, email, name, password_hash, created_at)
values (%(id)s, %(email)s, %(name)s, %(password_hash)s, %(now)s)
on conflict (email) do nothing
""")

FIND_OPERATOR = sql("""
select id, email, name, password_hash, created_at, disabled_at from identity.operator where id = %(id)s
""")

FIND_OPERATOR_BY_EMAIL = sql("""
select id, email, name, password_hash, created_at, disabled_at from identity.operator where email = %(email)s
""")

DISABLE_OPERATOR = sql("""
update identity.operator set disabled_at = coalesce(disabled_at, %(now)s) where email = %(email)s
""")

LIST_OPERATORS = sql("""
select id, email, name, password_hash, created_at, disabled_at from identity.operator order by email limit 1000
""")

INSERT_VISIT = sql("""
insert into identity.impersonation (workspace_id, id, operator_id, user_id, reason, ticket, started_at, expires_at)
values (%(workspace_id)s, %(id)s, %(operator_id)s, %(user_id)s, %(reason)s, %(ticket)s, %(started_at)s, %(expires_at)s)
""")

FIND_VISIT = sql("""
select id, operator_id, user_id, reason, ticket, started_at, expires_at, ended_at, elevated_at, elevation_reason
from identity.impersonation where workspace_id = %(workspace_id)s and id = %(id)s
""")

LIST_VISITS = sql("""
select id, operator_id, user_id, reason, ticket, started_at, expires_at, ended_at, elevated_at, elevation_reason
from identity.impersonation
where workspace_id = %(workspace_id)s and (%(after)s::uuid is null or id < %(after)s)
order by id desc
limit %(limit)s
""")

ELEVATE_VISIT = sql("""
update identity.impersonation set elevated_at = %(now)s, elevation_reason = %(reason)s
where workspace_id = %(workspace_id)s and id = %(id)s and operator_id = %(operator_id)s
    and ended_at is null and expires_at > %(now)s
""")

END_VISIT = sql("""
update identity.impersonation set ended_at = coalesce(ended_at, %(now)s)
where workspace_id = %(workspace_id)s and id = %(id)s and operator_id = %(operator_id)s
""")


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """A member of staff, with the hash that never leaves the module."""

    id: UUID
    email: str
    name: str
    password_hash: str
    created_at: datetime
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VisitRow:
    """An operator in a member's place, for at most an hour."""

    id: UUID
    operator_id: UUID
    user_id: UUID
    reason: str
    ticket: str
    started_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    elevated_at: datetime | None = None
    elevation_reason: str | None = None


async def insert_operator(tx: Transaction, operator: OperatorRow) -> bool:
    """A new operator; False where the address is taken."""
    parameters = {"id": operator.id, "email": operator.email, "name": operator.name, "now": operator.created_at}
    return await tx.execute(INSERT_OPERATOR, {**parameters, "password_hash": operator.password_hash}) == 1


async def find_operator(tx: Transaction, *, operator_id: UUID) -> OperatorRow | None:
    """An operator by id."""
    return await tx.find_one(OperatorRow, FIND_OPERATOR, {"id": operator_id})


async def find_operator_by_email(tx: Transaction, *, email: str) -> OperatorRow | None:
    """An operator by normalised address."""
    return await tx.find_one(OperatorRow, FIND_OPERATOR_BY_EMAIL, {"email": email})


async def disable_operator(tx: Transaction, *, email: str, now: datetime) -> bool:
    """Lets an operator in no more, and ends what they are doing; False where there is none."""
    return await tx.execute(DISABLE_OPERATOR, {"email": email, "now": now}) == 1


async def list_operators(tx: Transaction) -> list[OperatorRow]:
    """All operators."""
    return await tx.fetch_all(OperatorRow, LIST_OPERATORS)


async def insert_visit(tx: Transaction, visit: VisitRow, *, workspace_id: UUID) -> None:
    """A new visit."""
    await tx.execute(
        INSERT_VISIT,
        {
            "workspace_id": workspace_id,
            "id": visit.id,
            "operator_id": visit.operator_id,
            "user_id": visit.user_id,
            "reason": visit.reason,
            "ticket": visit.ticket,
            "started_at": visit.started_at,
            "expires_at": visit.expires_at,
        },
    )


async def find_visit(tx: Transaction, *, workspace_id: UUID, visit_id: UUID) -> VisitRow | None:
    """A visit by id."""
    return await tx.find_one(VisitRow, FIND_VISIT, {"workspace_id": workspace_id, "id": visit_id})


async def list_visits(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[VisitRow]:
    """Visits, newest first."""
    return await tx.fetch_all(VisitRow, LIST_VISITS, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def elevate_visit(tx: Transaction, *, workspace_id: UUID, visit_id: UUID, operator_id: UUID, reason: str, now: datetime) -> bool:
    """Lets a visit change things from now on; False where the operator has no such running visit."""
    parameters = {"workspace_id": workspace_id, "id": visit_id, "operator_id": operator_id, "reason": reason, "now": now}
    return await tx.execute(ELEVATE_VISIT, parameters) == 1


async def end_visit(tx: Transaction, *, workspace_id: UUID, visit_id: UUID, operator_id: UUID, now: datetime) -> bool:
    """Ends a visit; False where the operator has none."""
    parameters = {"workspace_id": workspace_id, "id": visit_id, "operator_id": operator_id, "now": now}
    return await tx.execute(END_VISIT, parameters) == 1
