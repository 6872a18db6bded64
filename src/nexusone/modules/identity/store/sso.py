"""SQL of connections to identity providers, their domains, and who is who there."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

INSERT_CONNECTION = sql("""
insert into identity.sso_connection (
    workspace_id, id, name, issuer, client_id, sealed_secret, default_role, creates_members, honours_mfa, is_enabled, is_enforced,
    version, created_at, updated_at
)
values (
    %(workspace_id)s, %(id)s, %(name)s, %(issuer)s, %(client_id)s, %(sealed_secret)s, %(default_role)s, %(creates_members)s,
    %(honours_mfa)s, %(is_enabled)s, %(is_enforced)s, %(version)s, %(created_at)s, %(updated_at)s
)
on conflict (workspace_id, issuer, client_id) do nothing
""")

FIND_CONNECTION = sql("""
select id, name, issuer, client_id, sealed_secret, default_role, creates_members, honours_mfa, is_enabled, is_enforced,
    version, created_at, updated_at
from identity.sso_connection
where workspace_id = %(workspace_id)s and id = %(id)s
""")

FIND_CONNECTION_TO_CHANGE = sql("""
select id, name, issuer, client_id, sealed_secret, default_role, creates_members, honours_mfa, is_enabled, is_enforced,
    version, created_at, updated_at
from identity.sso_connection
where workspace_id = %(workspace_id)s and id = %(id)s
for update
""")

FIND_CONNECTION_OF_USER = sql("""
select c.id, c.name, c.issuer, c.client_id, c.sealed_secret, c.default_role, c.creates_members, c.honours_mfa, c.is_enabled,
    c.is_enforced, c.version, c.created_at, c.updated_at
from identity.sso_identity as i
join identity.sso_connection as c on c.workspace_id = i.workspace_id and c.id = i.connection_id
where i.workspace_id = %(workspace_id)s and i.user_id = %(user_id)s and c.is_enabled
order by i.used_at desc
limit 1
""")

LIST_CONNECTIONS = sql("""
select id, name, issuer, client_id, sealed_secret, default_role, creates_members, honours_mfa, is_enabled, is_enforced,
    version, created_at, updated_at
from identity.sso_connection
where workspace_id = %(workspace_id)s and (%(after)s::uuid is null or id < %(after)s)
order by id desc
limit %(limit)s
""")

UPDATE_CONNECTION = sql("""
update identity.sso_connection
set name = %(name)s, sealed_secret = %(sealed_secret)s, default_role = %(default_role)s, creates_members = %(creates_members)s,
    honours_mfa = %(honours_mfa)s, is_enabled = %(is_enabled)s, is_enforced = %(is_enforced)s,
    version = %(version)s, updated_at = %(updated_at)s
where workspace_id = %(workspace_id)s and id = %(id)s
""")

DELETE_CONNECTION = sql("""
delete from identity.sso_connection where workspace_id = %(workspace_id)s and id = %(id)s
""")

INSERT_DOMAIN = sql("""
insert into identity.sso_domain (workspace_id, connection_id, domain, proof, proven_at)
values (%(workspace_id)s, %(connection_id)s, %(domain)s, %(proof)s, null)
""")

DELETE_DOMAINS_BUT = sql("""
delete from identity.sso_domain
where workspace_id = %(workspace_id)s and connection_id = %(connection_id)s and domain <> all(%(kept)s)
""")

LIST_DOMAINS = sql("""
select connection_id, domain, proof, proven_at
from identity.sso_domain
where workspace_id = %(workspace_id)s and connection_id = any(%(connection_ids)s)
order by domain
""")

PROVE_DOMAIN = sql("""
update identity.sso_domain set proven_at = %(now)s
where workspace_id = %(workspace_id)s and connection_id = %(connection_id)s and domain = %(domain)s and proof = %(proof)s
  and proven_at is null
""")

# In the system context: which workspace somebody wants into is not known before this.
FIND_PLACE_BY_ID = sql("""
select workspace_id, id from identity.sso_connection where id = %(id)s and is_enabled
""")

FIND_PLACE_BY_DOMAIN = sql("""
select c.workspace_id, c.id
from identity.sso_domain as d
join identity.sso_connection as c on c.workspace_id = d.workspace_id and c.id = d.connection_id
where d.domain = %(domain)s and d.proven_at is not null and c.is_enabled
order by d.proven_at, c.id
limit 1
""")

FIND_ENFORCED = sql("""
select c.id, m.role
from identity.sso_connection as c
left join identity.member as m on m.workspace_id = c.workspace_id and m.user_id = %(user_id)s
where c.workspace_id = %(workspace_id)s and c.is_enabled and c.is_enforced
order by c.id
limit 1
""")

LIST_OWNERS = sql("""
select user_id from identity.member where workspace_id = %(workspace_id)s and role = 'owner' order by user_id limit 100
""")

END_OTHER_SESSIONS = sql("""
update identity.session as s set revoked_at = %(now)s
from identity.member as m
where s.workspace_id = %(workspace_id)s and m.workspace_id = s.workspace_id and m.user_id = s.user_id
  and m.role <> 'owner' and s.revoked_at is null and not ('sso' = any(s.methods))
""")

FIND_IDENTITY = sql("""
select user_id from identity.sso_identity
where workspace_id = %(workspace_id)s and connection_id = %(connection_id)s and subject = %(subject)s
""")

INSERT_IDENTITY = sql("""
insert into identity.sso_identity (workspace_id, connection_id, subject, user_id, created_at, used_at)
values (%(workspace_id)s, %(connection_id)s, %(subject)s, %(user_id)s, %(now)s, %(now)s)
on conflict do nothing
""")

TOUCH_IDENTITY = sql("""
update identity.sso_identity set used_at = %(now)s
where workspace_id = %(workspace_id)s and connection_id = %(connection_id)s and subject = %(subject)s
""")

IS_USED = sql("""
select 1 from identity.sso_identity where workspace_id = %(workspace_id)s and connection_id = %(connection_id)s limit 1
""")

IS_MEMBER = sql("""
select 1 from identity.member where workspace_id = %(workspace_id)s and user_id = %(user_id)s
""")

# An account whose address nobody has shown to be theirs may have been made by a stranger, who must not stay in it.
TAKE_OVER_UNVERIFIED = sql("""
with taken as (
    update identity.user_account
    set password_hash = null, email_verified_at = %(now)s, session_generation = session_generation + 1
    where id = %(id)s and email_verified_at is null
    returning id
), apps as (
    delete from identity.totp_factor where user_id in (select id from taken)
), codes as (
    delete from identity.recovery_code where user_id in (select id from taken)
), passkeys as (
    delete from identity.passkey where user_id in (select id from taken)
)
select id from taken
""")


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection; its secret is sealed."""

    id: UUID
    name: str
    issuer: str
    client_id: str
    sealed_secret: bytes
    default_role: str
    creates_members: bool
    honours_mfa: bool
    is_enabled: bool
    is_enforced: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain of a connection; it counts once it is proven."""

    connection_id: UUID
    domain: str
    proof: str
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A connection and the workspace it is of."""

    workspace_id: UUID
    id: UUID


@dataclass(frozen=True, slots=True)
class EnforcedRow:
    """The connection through which members must come, and the role of the one who asks."""

    id: UUID
    role: str | None


async def insert_connection(tx: Transaction, connection: ConnectionRow, *, workspace_id: UUID) -> bool:
    """A new connection; False where the workspace has one to the same client of the same issuer."""
    return await tx.execute(INSERT_CONNECTION, {"workspace_id": workspace_id, **_values(connection)}) == 1


async def find_connection(tx: Transaction, *, workspace_id: UUID, connection_id: UUID, is_to_change: bool = False) -> ConnectionRow | None:
    """A connection, locked where it is to change."""
    statement = FIND_CONNECTION_TO_CHANGE if is_to_change else FIND_CONNECTION
    return await tx.find_one(ConnectionRow, statement, {"workspace_id": workspace_id, "id": connection_id})


async def find_connection_of_user(tx: Transaction, *, workspace_id: UUID, user_id: UUID) -> ConnectionRow | None:
    """The enabled connection through which a user came last."""
    return await tx.find_one(ConnectionRow, FIND_CONNECTION_OF_USER, {"workspace_id": workspace_id, "user_id": user_id})


async def list_connections(tx: Transaction, *, workspace_id: UUID, after: UUID | None, limit: int) -> list[ConnectionRow]:
    """Connections, newest first."""
    return await tx.fetch_all(ConnectionRow, LIST_CONNECTIONS, {"workspace_id": workspace_id, "after": after, "limit": limit})


async def update_connection(tx: Transaction, connection: ConnectionRow, *, workspace_id: UUID) -> None:
    """Stores what of a connection may change."""
    await tx.execute(UPDATE_CONNECTION, {"workspace_id": workspace_id, **_values(connection)})


async def delete_connection(tx: Transaction, *, workspace_id: UUID, connection_id: UUID) -> bool:
    """Deletes a connection with its domains, identities and attempts; False where there is none."""
    return await tx.execute(DELETE_CONNECTION, {"workspace_id": workspace_id, "id": connection_id}) == 1


async def set_domains(tx: Transaction, *, workspace_id: UUID, connection_id: UUID, kept: list[str], added: dict[str, str]) -> None:
    """Keeps and adds domains, the latter with their proofs; all others go."""
    place = {"workspace_id": workspace_id, "connection_id": connection_id}
    await tx.execute(DELETE_DOMAINS_BUT, {**place, "kept": kept})
    await tx.execute_many(INSERT_DOMAIN, [{**place, "domain": domain, "proof": proof} for domain, proof in added.items()])


async def list_domains(tx: Transaction, *, workspace_id: UUID, connection_ids: list[UUID]) -> list[DomainRow]:
    """The domains of connections."""
    return await tx.fetch_all(DomainRow, LIST_DOMAINS, {"workspace_id": workspace_id, "connection_ids": connection_ids})


async def prove_domain(tx: Transaction, domain: DomainRow, *, workspace_id: UUID, now: datetime) -> bool:
    """Lets a domain count; False where it does already, or its proof is another by now."""
    values = {"connection_id": domain.connection_id, "domain": domain.domain, "proof": domain.proof}
    return await tx.execute(PROVE_DOMAIN, {"workspace_id": workspace_id, "now": now, **values}) == 1


async def find_place(tx: Transaction, *, connection_id: UUID | None, domain: str | None) -> PlaceRow | None:
    """An enabled connection by its id, or by a domain it has proved (the first to prove it); the transaction is the system's."""
    if connection_id is not None:
        return await tx.find_one(PlaceRow, FIND_PLACE_BY_ID, {"id": connection_id})
    return await tx.find_one(PlaceRow, FIND_PLACE_BY_DOMAIN, {"domain": domain})


async def find_enforced(tx: Transaction, *, workspace_id: UUID, user_id: UUID) -> EnforcedRow | None:
    """The connection through which members must come, if there is one."""
    return await tx.find_one(EnforcedRow, FIND_ENFORCED, {"workspace_id": workspace_id, "user_id": user_id})


async def list_owners(tx: Transaction, *, workspace_id: UUID) -> list[UUID]:
    """The workspace's owners."""
    return [row[0] for row in await tx.fetch_tuples(LIST_OWNERS, {"workspace_id": workspace_id})]


async def end_other_sessions(tx: Transaction, *, workspace_id: UUID, now: datetime) -> None:
    """Ends the sessions of all but owners that were not opened through single sign-on."""
    await tx.execute(END_OTHER_SESSIONS, {"workspace_id": workspace_id, "now": now})


async def find_identity(tx: Transaction, *, workspace_id: UUID, connection_id: UUID, subject: str) -> UUID | None:
    """Which user a subject is."""
    place = {"workspace_id": workspace_id, "connection_id": connection_id, "subject": subject}
    return await tx.find_value(UUID, FIND_IDENTITY, place)


async def insert_identity(tx: Transaction, *, workspace_id: UUID, connection_id: UUID, subject: str, user_id: UUID, now: datetime) -> bool:
    """Says which user a subject is; False where the subject or the user is taken."""
    place = {"workspace_id": workspace_id, "connection_id": connection_id, "subject": subject}
    return await tx.execute(INSERT_IDENTITY, {**place, "user_id": user_id, "now": now}) == 1


async def touch_identity(tx: Transaction, *, workspace_id: UUID, connection_id: UUID, subject: str, now: datetime) -> None:
    """Notes that an identity was used."""
    await tx.execute(TOUCH_IDENTITY, {"workspace_id": workspace_id, "connection_id": connection_id, "subject": subject, "now": now})


async def is_used(tx: Transaction, *, workspace_id: UUID, connection_id: UUID) -> bool:
    """Whether anybody ever came in through a connection."""
    return bool(await tx.fetch_tuples(IS_USED, {"workspace_id": workspace_id, "connection_id": connection_id}))


async def is_member(tx: Transaction, *, workspace_id: UUID, user_id: UUID) -> bool:
    """Whether a user is a member of the workspace."""
    return bool(await tx.fetch_tuples(IS_MEMBER, {"workspace_id": workspace_id, "user_id": user_id}))


async def take_over_unverified(tx: Transaction, *, user_id: UUID, now: datetime) -> bool:
    """Takes password, factors and sessions from an account whose address was never verified; False where it was."""
    return await tx.execute(TAKE_OVER_UNVERIFIED, {"id": user_id, "now": now}) == 1


def _values(connection: ConnectionRow) -> dict[str, object]:
    return {name: getattr(connection, name) for name in ConnectionRow.__slots__}
