"""SQL of the one contact that a template is tried out for."""

from typing import Any, NamedTuple
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

FIND_CONTACT = sql("""
select c.id, c.external_id, c.email, c.phone, c.first_name, c.last_name, c.locale, c.timezone, c.country, c.attributes
from audience.contact_v1 as c
where c.workspace_id = %(workspace_id)s and c.id = %(id)s
""")


class ContactRow(NamedTuple):
    """A contact as templates see it."""

    id: UUID
    external_id: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    locale: str | None
    timezone: str | None
    country: str | None
    attributes: dict[str, Any]


async def find_contact(tx: Transaction, *, workspace_id: UUID, contact_id: UUID) -> ContactRow | None:
    """A contact by id."""
    rows = await tx.fetch_tuples(FIND_CONTACT, {"workspace_id": workspace_id, "id": contact_id})
    return ContactRow._make(rows[0]) if rows else None
