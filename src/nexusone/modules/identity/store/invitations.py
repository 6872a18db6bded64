"""SQL of invitations."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

_COLUMNS = fragment("""
id, email, role, custom_role_id, locale, invited_by, secret_hash, created_at, expires_at, accepted_at, withdrawn_at
""")

# One that expired makes room for another.
CLOSE_EXPIRED = sql("""
update identity.invitation set withdrawn_at = %(now)s
where workspace_id = %(workspace_id)s and email = %(email)s and accepted_at is null and withdrawn_at is null and expires_at <= %(now)s
""")

INSERT_INVITATION = sql("""
insert into identity.invitation (workspace_id, id, email, role, custom_role_id, locale, invited_by, created_at, expires_at)
values (%(workspace_id)s, %(id)s, %(email)s, %(role)s, %(custom_role_id)s, %(locale)s, %(invited_by)s, %(created_at)s, %(expires_at)s)
on conflict (workspace_id, email) where accepted_at is null and withdrawn_at is null do nothing
""")

FIND_INVITATION = fragment("""
select {columns} from identity.invitation where workspace_id = %(workspace_id)s and id = %(id)s
""").fill(columns=_COLUMNS)

LOCK_INVITATION = fragment("""
select {columns} from identity.invitation where workspace_id = %(workspace_id)s and id = %(id)s for update
""").fill(columns=_COLUMNS)

LIST_INVITATIONS = fragment("""
select {columns} from identity.invitation
where workspace_id = %(workspace_id)s and accepted_at is null and withdrawn_at is null and expires_at > %(now)s
    and (%(after)s::uuid is null or id < %(after)s)
order by id desc
limit %(limit)s
""").fill(columns=_COLUMNS)

GIVE_SECRET = sql("""
update identity.invitation set secret_hash = %(secret_hash)s
where workspace_id = %(workspace_id)s and id = %(id)s and accepted_at is null and withdrawn_at is null and expires_at > %(now)s
""")

ACCEPT = sql("""
update identity.invitation set accepted_at = %(now)s, secret_hash = null
where workspace_id = %(workspace_id)s and id = %(id)s
""")

WITHDRAW = sql("""
update identity.invitation set withdrawn_at = %(now)s, secret_hash = null
where workspace_id = %(workspace_id)s and id = %(id)s and accepted_at is null and withdrawn_at is null
""")

COUNT_SEATS = sql("""
select (select count(*) from identity.member where workspace_id = %(workspace_id)s) + (
    select count(*) from identity.invitation
    where workspace_id = %(workspace_id)s and accepted_at is null and withdrawn_at is null and expires_at > %(now)s
)
""")

IS_MEMBER = sql("""
select exists (
    select from identity.member as m join identity.user_account as u on u.id = m.user_id
    where m.workspace_id = %(workspace_id)s and u.email = %(email)s
)
""")


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """One invitation; `secret_hash` from the moment its mail was written until it is used."""

    id: UUID
    email: str
    role: str
    custom_role_id: UUID | None
    locale: str
    invited_by: UUID | None
    secret_hash: bytes | None
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be accepted."""
        return self.accepted_at is None and self.withdrawn_at is None and self.expires_at > now


async def insert_invitation(tx: Transaction, row: InvitationRow, *, workspace_id: UUID) -> bool:
    """A new invitation; False where the address has an open one."""
    await tx.execute(CLOSE_EXPIRED, {"workspace_id": workspace_id, "email": row.email, "now": row.created_at})
    return (
        await tx.execute(
            INSERT_INVITATION,
            {
                "workspace_id": workspace_id,
                "id": row.id,
                "email": row.email,
                "role": row.role,
                "custom_role_id": row.custom_role_id,
                "locale": row.locale,
                "invited_by": row.invited_by,
                "created_at": row.created_at,
                "expires_at": row.expires_at,
            },
        )
        == 1
    )


async def find_invitation(tx: Transaction, *, workspace_id: UUID, invitation_id: UUID, is_locked: bool = False) -> InvitationRow | None:
    """An invitation, locked against being accepted twice if `is_locked`."""
    statement = LOCK_INVITATION if is_locked else FIND_INVITATION
    return await tx.find_one(InvitationRow, statement, {"workspace_id": workspace_id, "id": invitation_id})


async def list_invitations(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int, now: datetime) -> list[InvitationRow]:
    """Open invitations, newest first."""
    parameters = {"workspace_id": workspace_id, "after": after, "limit": limit, "now": now}
    return await tx.fetch_all(InvitationRow, LIST_INVITATIONS, parameters)


async def give_secret(tx: Transaction, *, workspace_id: UUID, invitation_id: UUID, secret_hash: bytes, now: datetime) -> bool:
    """Replaces the secret of an open invitation; False where there is none."""
    parameters = {"workspace_id": workspace_id, "id": invitation_id, "secret_hash": secret_hash, "now": now}
    return await tx.execute(GIVE_SECRET, parameters) == 1


async def accept(tx: Transaction, *, workspace_id: UUID, invitation_id: UUID, now: datetime) -> None:
    """Marks an invitation as used."""
    await tx.execute(ACCEPT, {"workspace_id": workspace_id, "id": invitation_id, "now": now})


async def withdraw(tx: Transaction, *, workspace_id: UUID, invitation_id: UUID, now: datetime) -> bool:
    """Voids an open invitation; False where there is none."""
    return await tx.execute(WITHDRAW, {"workspace_id": workspace_id, "id": invitation_id, "now": now}) == 1


async def is_member(tx: Transaction, *, workspace_id: UUID, email: str) -> bool:
    """Whether the address belongs to a member."""
    return await tx.fetch_value(bool, IS_MEMBER, {"workspace_id": workspace_id, "email": email})


async def count_seats(tx: Transaction, *, workspace_id: UUID, now: datetime) -> int:
    """How many members there are, and invitations that would make more."""
    return await tx.fetch_value(int, COUNT_SEATS, {"workspace_id": workspace_id, "now": now})
