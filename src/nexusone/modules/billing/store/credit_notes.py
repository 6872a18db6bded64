"""SQL of writing credit notes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.billing.domain.credit_notes import CreditedShare, LineStanding
from nexusone.platform.database import Transaction
from nexusone.platform.sql import sql

LIST_STANDING = sql("""
select l.position, l.net_minor as net, l.tax_minor as tax,
    coalesce(sum(n.net_minor), 0)::bigint as credited_net, coalesce(sum(n.tax_minor), 0)::bigint as credited_tax
from billing.invoice_line as l
left join billing.credit_note as c on c.workspace_id = l.workspace_id and c.invoice_id = l.invoice_id
left join billing.credit_note_line as n on n.workspace_id = c.workspace_id and n.credit_note_id = c.id and n.position = l.position
where l.workspace_id = %(workspace_id)s and l.invoice_id = %(invoice_id)s
group by l.position, l.net_minor, l.tax_minor
order by l.position
""")

FIND_BY_KEY = sql("""
select id from billing.credit_note where workspace_id = %(workspace_id)s and invoice_id = %(invoice_id)s and key = %(key)s
""")

INSERT_CREDIT_NOTE = sql("""
with issued as (
    insert into billing.credit_note
        (workspace_id, id, invoice_id, issuer, number, currency, net_minor, tax_minor, total_minor, reason, key, issued_at)
    values (%(workspace_id)s, %(id)s, %(invoice_id)s, %(issuer)s, %(number)s, %(currency)s, %(net)s, %(tax)s,
        %(net)s::bigint + %(tax)s::bigint, %(reason)s, %(key)s, %(issued_at)s)
    returning workspace_id, id
), lines as (
    insert into billing.credit_note_line (workspace_id, credit_note_id, position, net_minor, tax_minor)
    select issued.workspace_id, issued.id, line.position, line.net, line.tax
    from issued, unnest(%(positions)s::bigint[], %(nets)s::bigint[], %(taxes)s::bigint[]) as line (position, net, tax)
)
update billing.invoice_state
set credited_minor = credited_minor + %(net)s::bigint + %(tax)s::bigint
where workspace_id = %(workspace_id)s and invoice_id = %(invoice_id)s
""")


@dataclass(frozen=True, slots=True)
class NewNote:
    """A credit note to be written; amounts are minor units."""

    workspace_id: UUID
    id: UUID
    invoice_id: UUID
    issuer: str
    number: str
    currency: str
    net: int
    tax: int
    reason: str
    key: str
    issued_at: datetime


async def list_standing(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID) -> list[LineStanding]:
    """The lines of an invoice with what was taken back of each; its state is locked, so nobody takes more meanwhile."""
    return await tx.fetch_all(LineStanding, LIST_STANDING, {"workspace_id": workspace_id, "invoice_id": invoice_id})


async def find_by_key(tx: Transaction, *, workspace_id: UUID, invoice_id: UUID, key: str) -> UUID | None:
    """The credit note of an invoice that was made under a key, or None."""
    return await tx.find_value(UUID, FIND_BY_KEY, {"workspace_id": workspace_id, "invoice_id": invoice_id, "key": key})


async def insert_credit_note(tx: Transaction, wanted: NewNote, shares: Sequence[CreditedShare]) -> None:
    """Writes a credit note with its lines, and adds it to what was taken back of the invoice."""
    parameters = {
        **asdict(wanted),
        "positions": [share.position for share in shares],
        "nets": [share.net for share in shares],
        "taxes": [share.tax for share in shares],
    }
    await tx.execute(INSERT_CREDIT_NOTE, parameters)
