"""SQL of members, roles of a workspace's own, and ownership transfers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

_MEMBER = fragment("""
select m.user_id, u.email, u.name, m.role, m.custom_role_id, r.name as role_name, r.permissions, m.created_at
from identity.member as m
join identity.user_account as u on u.id = m.user_id
left join identity.role as r on r.workspace_id = m.workspace_id and r.id = m.custom_role_id
where m.workspace_id = %(workspace_id)s
""")

FIND_MEMBER = fragment("{member} and m.user_id = %(user_id)s").fill(member=_MEMBER)

LOCK_MEMBER = fragment("{member} and m.user_id = %(user_id)s for update of m").fill(member=_MEMBER)

LIST_MEMBERS = fragment("""
{member} and (%(after)s::uuid is null or m.user_id > %(after)s)
order by m.user_id
limit %(limit)s
""").fill(member=_MEMBER)

# Locked, so that of two owners who leave at once the second sees that the first is gone.
LOCK_OWNERS = sql("""
select user_id from identity.member where workspace_id = %(workspace_id)s and role = 'owner' order by user_id for update
""")

LIST_OWNERS = sql("""
select user_id from identity.member where workspace_id = %(workspace_id)s and role = 'owner' order by created_at, user_id
""")

INSERT_MEMBER = sql("""
insert into identity.member (workspace_id, user_id, role, custom_role_id, created_at)
values (%(workspace_id)s, %(user_id)s, %(role)s, %(custom_role_id)s, %(now)s)
on conflict (workspace_id, user_id) do nothing
""")

UPDATE_ROLE_OF = sql("""
update identity.member set custom_role_id = %(custom_role_id)s, role = %(role)s
where workspace_id = %(workspace_id)s and user_id = %(user_id)s
""")

DELETE_MEMBER = sql("""
delete from identity.member where workspace_id = %(workspace_id)s and user_id = %(user_id)s
""")

OFFER_TRANSFER = sql("""
insert into identity.ownership_transfer (workspace_id, giver_id, receiver_id, offered_at, expires_at)
values (%(workspace_id)s, %(giver_id)s, %(receiver_id)s, %(now)s, %(expires_at)s)
on conflict (workspace_id) do update
set giver_id = excluded.giver_id, receiver_id = excluded.receiver_id, offered_at = excluded.offered_at, expires_at = excluded.expires_at
""")

FIND_TRANSFER = sql("""
select giver_id, receiver_id, offered_at, expires_at
from identity.ownership_transfer where workspace_id = %(workspace_id)s
""")

TAKE_TRANSFER = sql("""
delete from identity.ownership_transfer
where workspace_id = %(workspace_id)s and receiver_id = %(receiver_id)s and expires_at > %(now)s
returning giver_id
""")

DELETE_TRANSFER = sql("""
delete from identity.ownership_transfer where workspace_id = %(workspace_id)s
""")


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member with their role; `role_name` and `permissions` are those of a role of the workspace's own."""

    user_id: UUID
    email: str
    name: str
    role: str
    custom_role_id: UUID | None
    role_name: str | None
    permissions: list[str] | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A built-in role's name, or "custom" with the id of a role of the workspace's own."""

    role: str
    custom_role_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TransferRow:
    """An offer of the ownership that waits for the receiver."""

    giver_id: UUID
    receiver_id: UUID
    offered_at: datetime
    expires_at: datetime


async def find_member(tx: Transaction, *, workspace_id: UUID, user_id: UUID, is_locked: bool = False) -> MemberRow | None:
    """A member, locked against other changes if `is_locked`."""
    statement = LOCK_MEMBER if is_locked else FIND_MEMBER
    return await tx.find_one(MemberRow, statement, {"workspace_id": workspace_id, "user_id": user_id})


async def list_members(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[MemberRow]:
    """Members, in the order of their ids."""
    return await tx.fetch_all(MemberRow, LIST_MEMBERS, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def lock_owners(tx: Transaction, *, workspace_id: UUID) -> list[UUID]:
    """The owners, none of whom can leave before the transaction ends."""
    return [row[0] for row in await tx.fetch_tuples(LOCK_OWNERS, {"workspace_id": workspace_id})]


async def list_owners(tx: Transaction, *, workspace_id: UUID) -> list[UUID]:
    """The owners, the oldest member first."""
    return [row[0] for row in await tx.fetch_tuples(LIST_OWNERS, {"workspace_id": workspace_id})]


async def insert_member(tx: Transaction, *, workspace_id: UUID, user_id: UUID, choice: RoleChoice, now: datetime) -> bool:
    """Makes a user a member; False where they are one."""
    parameters = {"workspace_id": workspace_id, "user_id": user_id, "role": choice.role, "now": now}
    return await tx.execute(INSERT_MEMBER, {**parameters, "custom_role_id": choice.custom_role_id}) == 1


async def update_role_of(tx: Transaction, *, workspace_id: UUID, user_id: UUID, choice: RoleChoice) -> None:
    """Gives a member another role."""
    parameters = {"workspace_id": workspace_id, "user_id": user_id, "role": choice.role, "custom_role_id": choice.custom_role_id}
    await tx.execute(UPDATE_ROLE_OF, parameters)


async def delete_member(tx: Transaction, *, workspace_id: UUID, user_id: UUID) -> bool:
    """Removes a member with their sessions; False where there is none."""
    return await tx.execute(DELETE_MEMBER, {"workspace_id": workspace_id, "user_id": user_id}) == 1


async def offer_transfer(tx: Transaction, transfer: TransferRow, *, workspace_id: UUID) -> None:
    """Offers the ownership; an earlier offer is replaced."""
    parameters = {"workspace_id": workspace_id, "giver_id": transfer.giver_id, "receiver_id": transfer.receiver_id}
    await tx.execute(OFFER_TRANSFER, {**parameters, "now": transfer.offered_at, "expires_at": transfer.expires_at})


async def find_transfer(tx: Transaction, *, workspace_id: UUID) -> TransferRow | None:
    """The offer that waits."""
    return await tx.find_one(TransferRow, FIND_TRANSFER, {"workspace_id": workspace_id})


async def take_transfer(tx: Transaction, *, workspace_id: UUID, receiver_id: UUID, now: datetime) -> UUID | None:
    """Takes the offer up, which works once; the giver, or None where nothing is offered to that receiver."""
    return await tx.find_value(UUID, TAKE_TRANSFER, {"workspace_id": workspace_id, "receiver_id": receiver_id, "now": now})


async def delete_transfer(tx: Transaction, *, workspace_id: UUID) -> bool:
    """Takes the offer back; False where there is none."""
    return await tx.execute(DELETE_TRANSFER, {"workspace_id": workspace_id}) == 1
