"""SQL of single contacts and of lists of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from nexusone.modules.audience.contracts import Contact
from nexusone.modules.audience.domain.contact import AttributeValue, NormalisedContact
from nexusone.modules.audience.store.segment_relation import Relation
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context
from nexusone.platform.sql import Sql, fragment, join, sql

INSERT_CONTACT = sql("""
insert into audience.contact
    (workspace_id, id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes,
     email_status, created_at, updated_at)
select
    %(workspace_id)s, %(id)s, %(external_id)s, %(email)s, %(phone)s, %(first_name)s, %(last_name)s, %(locale)s, %(timezone)s,
    %(country)s, %(attributes)s,
    coalesce((
        select s.status from audience.suppression s
        where s.workspace_id = %(workspace_id)s and s.channel = 'email' and s.address = %(email)s
    ), 'subscribed'),
    %(now)s, %(now)s
returning id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes, email_status, version,
    created_at, updated_at
""")

PUT_CONTACT = sql("""
insert into audience.contact as c
    (workspace_id, id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes,
     email_status, created_at, updated_at)
select
    %(workspace_id)s, %(id)s, %(external_id)s, %(email)s, %(phone)s, %(first_name)s, %(last_name)s, %(locale)s, %(timezone)s,
    %(country)s, %(attributes)s,
    coalesce((
        select s.status from audience.suppression s
        where s.workspace_id = %(workspace_id)s and s.channel = 'email' and s.address = %(email)s
    ), 'subscribed'),
    %(now)s, %(now)s
on conflict (workspace_id, external_id) where external_id is not null do update
set email = excluded.email, phone = excluded.phone, first_name = excluded.first_name, last_name = excluded.last_name,
    locale = excluded.locale, timezone = excluded.timezone, country = excluded.country, attributes = excluded.attributes,
    email_status = case when c.email is not distinct from excluded.email then c.email_status else excluded.email_status end,
    version = c.version + 1, updated_at = excluded.updated_at
where %(version)s::bigint is null or c.version = %(version)s
returning id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes, email_status, version,
    created_at, updated_at
""")

UPDATE_CONTACT = sql("""
update audience.contact as c
set external_id = %(external_id)s, email = %(email)s, phone = %(phone)s, first_name = %(first_name)s, last_name = %(last_name)s,
    locale = %(locale)s, timezone = %(timezone)s, country = %(country)s, attributes = %(attributes)s,
    email_status = case when c.email is not distinct from %(email)s then c.email_status else coalesce((
        select s.status from audience.suppression s
        where s.workspace_id = %(workspace_id)s and s.channel = 'email' and s.address = %(email)s
    ), 'subscribed') end,
    version = c.version + 1, updated_at = %(now)s
where c.workspace_id = %(workspace_id)s and c.id = %(id)s
returning id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes, email_status, version,
    created_at, updated_at
""")

FIND_CONTACT = sql("""
select id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes, email_status, version,
    created_at, updated_at
from audience.contact where workspace_id = %(workspace_id)s and id = %(id)s
""")

LOCK_CONTACT = sql("""
select id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes, email_status, version,
    created_at, updated_at
from audience.contact where workspace_id = %(workspace_id)s and id = %(id)s
for update
""")

FIND_CONTACT_BY_EXTERNAL_ID = sql("""
select id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes, email_status, version,
    created_at, updated_at
from audience.contact where workspace_id = %(workspace_id)s and external_id = %(external_id)s
""")

LIST_CONTACTS = sql("""
select id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes, email_status, version,
    created_at, updated_at
from audience.contact
where workspace_id = %(workspace_id)s and id < %(before)s
order by id desc
limit %(limit)s
""")

DELETE_CONTACT = sql("""
delete from audience.contact
where workspace_id = %(workspace_id)s and id = %(id)s and (%(version)s::bigint is null or version = %(version)s)
""")

_LIST_FILTERED = fragment("""
select id, external_id, email, phone, first_name, last_name, locale, timezone, country, attributes, email_status, version,
    created_at, updated_at
from audience.contact c
where c.workspace_id = %(workspace_id)s and c.id < %(before)s and {filters}
order by c.id desc
limit %(limit)s
""")
_HAS: Final[Mapping[str, Sql]] = {
    "external_id": fragment("c.external_id = %(external_id)s"),
    "email": fragment("c.email = %(email)s"),
    "phone": fragment("c.phone = %(phone)s"),
}
_FIELD_OF_INDEX: Final[Mapping[str, str]] = {
    "contact_external_id": "external_id",
    "contact_email": "email",
    "contact_phone": "phone",
}


class IdentifierInUse(Exception):
    """Another contact has the identifier in `field`; the transaction is broken."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class ContactRow(NamedTuple):
    """One contact."""

    id: UUID
    external_id: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    locale: str | None
    timezone: str | None
    country: str | None
    attributes: dict[str, AttributeValue]
    email_status: str
    version: int
    created_at: datetime
    updated_at: datetime


async def insert_contact(tx: Transaction, contact: NormalisedContact, *, workspace_id: UUID, contact_id: UUID, now: datetime) -> ContactRow:
    """A new contact; a suppressed address stays suppressed. Raises: IdentifierInUse."""
    with _telling_identifiers_in_use():
        return await tx.fetch_one(
            ContactRow, INSERT_CONTACT, {"workspace_id": workspace_id, "id": contact_id, "now": now, **_values(contact)}
        )


async def put_contact(
    tx: Transaction, contact: NormalisedContact, *, workspace_id: UUID, new_id: UUID, version: int | None, now: datetime
) -> ContactRow | None:
    """Makes the contact of its external_id as given; at version 1 it is new. None if it is at another version. Raises: IdentifierInUse."""
    parameters = {"workspace_id": workspace_id, "id": new_id, "version": version, "now": now, **_values(contact)}
    with _telling_identifiers_in_use():
        return await tx.find_one(ContactRow, PUT_CONTACT, parameters)


async def update_contact(tx: Transaction, contact: NormalisedContact, *, workspace_id: UUID, contact_id: UUID, now: datetime) -> ContactRow:
    """Writes all fields of a contact and counts its version up. Raises: IdentifierInUse."""
    with _telling_identifiers_in_use():
        return await tx.fetch_one(
            ContactRow, UPDATE_CONTACT, {"workspace_id": workspace_id, "id": contact_id, "now": now, **_values(contact)}
        )


async def find_contact(tx: Transaction, *, workspace_id: UUID, contact_id: UUID, is_locked: bool = False) -> ContactRow | None:
    """A contact, locked against other changes if `is_locked`."""
    return await tx.find_one(ContactRow, LOCK_CONTACT if is_locked else FIND_CONTACT, {"workspace_id": workspace_id, "id": contact_id})


async def find_contact_by_external_id(tx: Transaction, *, workspace_id: UUID, external_id: str) -> ContactRow | None:
    """The contact that has the external_id."""
    return await tx.find_one(ContactRow, FIND_CONTACT_BY_EXTERNAL_ID, {"workspace_id": workspace_id, "external_id": external_id})


async def list_contacts(
    tx: Transaction,
    *,
    workspace_id: UUID,
    before: UUID,
    limit: int,
    identifiers: Mapping[str, str] | None = None,
    segment: Relation | None = None,
) -> list[ContactRow]:
    """Contacts with ids below `before`, newest first: those that have the identifiers and are in the segment."""
    parameters: dict[str, object] = {"workspace_id": workspace_id, "before": before, "limit": limit}
    filters = [_HAS[field] for field in identifiers or ()]
    if segment is not None:
        filters.append(segment.where)
        parameters.update(segment.parameters)
    statement = _LIST_FILTERED.fill(filters=join(" and ", filters)) if filters else LIST_CONTACTS
    return await tx.fetch_all(ContactRow, statement, {**parameters, **(identifiers or {})})


async def list_newest(ctx: Context, *, before: UUID, limit: int) -> list[Contact]:
    """All contacts, newest first, in one round trip: the list that is asked for most."""
    parameters = {"workspace_id": ctx.workspace, "before": before, "limit": limit}
    return await ctx.fetch_in_one_trip("audience", Contact, LIST_CONTACTS, parameters)


async def delete_contact(tx: Transaction, *, workspace_id: UUID, contact_id: UUID, version: int | None) -> bool:
    """Deletes a contact, at that version if one is named; False if there was none."""
    return await tx.execute(DELETE_CONTACT, {"workspace_id": workspace_id, "id": contact_id, "version": version}) == 1


def _values(contact: NormalisedContact) -> dict[str, object]:
    return {**contact._asdict(), "attributes": Jsonb(contact.attributes)}


@contextmanager
def _telling_identifiers_in_use() -> Iterator[None]:
    try:
        yield
    except UniqueViolation as violation:
        raise IdentifierInUse(_FIELD_OF_INDEX[violation.diag.constraint_name or ""]) from violation
