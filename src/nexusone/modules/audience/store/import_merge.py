"""SQL that merges one batch of an import into the contacts: COPY into a temporary table, then one statement."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, cast
from uuid import UUID

from psycopg.errors import UniqueViolation
from pydantic_core import to_json

from nexusone.kernel.ids import new_id
from nexusone.modules.audience.domain.csv_rows import ImportRow
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment

# COPY is refused on tables with row-level security, so rows arrive in a temporary one. It lives as long as the
# transaction; that makes what reads it fragments, since nothing can be prepared before.
# A plan that scans contacts would cost a second a batch, and the planner knows too little of a fresh table to see it.
_OPEN_STAGE = fragment("""
set local enable_seqscan = off;
set local jit = off;
create temporary table import_stage (
    line bigint, id uuid, external_id text, email text, phone text, first_name text, last_name text,
    locale text, timezone text, country text, attributes jsonb
) on commit drop
""")

_FILL_STAGE = fragment("copy import_stage from stdin")

# A row belongs to the contact that has its external_id, else its e-mail, else its phone, as contacts were before the batch.
# The lateral look-ups have limits so that they stay index probes, one per row.
_MERGE = fragment("""
with judged as materialized (
    select s.*, coalesce(x.id, m.id, p.id) as target, case
        when x.import_id = %(import_id)s then array['repeated', 'external_id', x.import_line::text]
        when m.import_id = %(import_id)s then array['repeated', 'email', m.import_line::text]
        when p.import_id = %(import_id)s then array['repeated', 'phone', p.import_line::text]
        when m.id <> x.id then array['taken', 'email']
        when p.id <> coalesce(x.id, m.id) then array['taken', 'phone']
        when x.id is null and m.external_id <> s.external_id then array['taken', 'email']
        when x.id is null and m.id is null and (p.external_id <> s.external_id or p.email <> s.email) then array['taken', 'phone']
        when merged.length > %(attributes_bytes_max)s then array['too_large', 'attributes']
        -- An attribute takes seven bytes at least.
        when merged.length > %(attributes_max)s * 7
            and (select count(*) from jsonb_object_keys(coalesce(x.attributes, m.attributes, p.attributes) || s.attributes))
                > %(attributes_max)s then array['too_many', 'attributes']
    end as fault
    from import_stage s
    left join lateral (
        select c.id, c.import_id, c.import_line, c.attributes from audience.contact c
        where c.workspace_id = %(workspace_id)s and c.external_id = s.external_id limit 1
    ) x on true
    left join lateral (
        select c.id, c.import_id, c.import_line, c.attributes, c.external_id from audience.contact c
        where c.workspace_id = %(workspace_id)s and c.email = s.email limit 1
    ) m on true
    left join lateral (
        select c.id, c.import_id, c.import_line, c.attributes, c.external_id, c.email from audience.contact c
        where c.workspace_id = %(workspace_id)s and c.phone = s.phone limit 1
    ) p on true
    left join lateral (
        select octet_length((coalesce(x.attributes, m.attributes, p.attributes) || s.attributes)::text) as length limit 1
    ) merged on true
),
meeting as (
    select target, min(line) as first_line from judged where target is not null and fault is null group by target having count(*) > 1
),
accepted as (
    select j.* from judged j left join meeting on meeting.target = j.target
    where j.fault is null and (meeting.target is null or meeting.first_line = j.line)
),
created as (
    insert into audience.contact (
        workspace_id, id, import_id, import_line, external_id, email, phone, first_name, last_name, locale, timezone, country,
        attributes, email_status, created_at, updated_at
    )
    select %(workspace_id)s, a.id, %(import_id)s, a.line, a.external_id, a.email, a.phone, a.first_name, a.last_name, a.locale,
        a.timezone, a.country, a.attributes, coalesce((
            select s.status from audience.suppression s
            where s.workspace_id = %(workspace_id)s and s.channel = 'email' and s.address = a.email
        ), 'subscribed'), %(now)s, %(now)s
    from accepted a where a.target is null
    returning 1
),
updated as (
    update audience.contact c
    set import_id = %(import_id)s, import_line = a.line, version = c.version + 1, updated_at = %(now)s,
        external_id = coalesce(a.external_id, c.external_id), email = coalesce(a.email, c.email), phone = coalesce(a.phone, c.phone),
        first_name = coalesce(a.first_name, c.first_name), last_name = coalesce(a.last_name, c.last_name),
        locale = coalesce(a.locale, c.locale), timezone = coalesce(a.timezone, c.timezone),
        country = coalesce(a.country, c.country), attributes = c.attributes || a.attributes,
        email_status = case when a.email is null or a.email = c.email then c.email_status else coalesce((
            select s.status from audience.suppression s
            where s.workspace_id = %(workspace_id)s and s.channel = 'email' and s.address = a.email
        ), 'subscribed') end
    from accepted a where c.workspace_id = %(workspace_id)s and c.id = a.target
    returning 1
)
select
    (select count(*) from created) as created,
    (select count(*) from updated) as updated,
    (
        select coalesce(jsonb_agg(jsonb_build_array(line, fault)), '[]') from (
            select line, fault from judged where fault is not null
            union all
            select j.line, array['repeated', 'contact', meeting.first_line::text]
            from judged j join meeting on meeting.target = j.target where j.fault is null and j.line > meeting.first_line
        ) turned_down
    ) as turned_down
""")


FaultKind = Literal["repeated", "taken", "too_large", "too_many"]


class BatchRaced(Exception):
    """Somebody else took an identifier of the batch just now; the transaction is broken, and another try may work."""


class TurnedDown(NamedTuple):
    """Why a row was not merged: what is wrong with which field, and the first line that has the same, if that is it.

    The field `contact` stands for another row of this batch that belongs to the same contact.
    """

    line: int
    kind: FaultKind
    field: str
    first_line: int | None


class Merged(NamedTuple):
    """How many contacts a batch made and changed, and which rows it did not take, in no order."""

    created: int
    updated: int
    turned_down: list[TurnedDown]


class _Answer(NamedTuple):
    created: int
    updated: int
    turned_down: list[tuple[int, list[str]]]


async def merge_rows(
    tx: Transaction,
    rows: Sequence[ImportRow],
    *,
    workspace_id: UUID,
    import_id: UUID,
    attributes_max: int,
    attributes_bytes_max: int,
    now: datetime,
) -> Merged:
    """Creates or changes the contacts of rows whose identifiers differ; blank fields leave what is there. Raises: BatchRaced."""
    await tx.execute(_OPEN_STAGE)
    await tx.copy_in(_FILL_STAGE, _staged(rows))
    parameters: dict[str, object] = {"workspace_id": workspace_id, "import_id": import_id, "now": now}
    limits = {"attributes_max": attributes_max, "attributes_bytes_max": attributes_bytes_max}
    try:
        answer = await tx.fetch_one(_Answer, _MERGE, {**parameters, **limits})
    except UniqueViolation as violation:
        raise BatchRaced from violation
    return Merged(answer.created, answer.updated, [_turned_down(line, fault) for line, fault in answer.turned_down])


def _staged(rows: Iterable[ImportRow]) -> Iterator[Sequence[object]]:
    for line, contact, _ in rows:
        attributes = contact.attributes
        if None in attributes.values():
            attributes = {key: value for key, value in attributes.items() if value is not None}
        yield (line, str(new_id()), *contact[:-1], to_json(attributes).decode())


def _turned_down(line: int, fault: list[str]) -> TurnedDown:
    kind, field, *first = fault
    return TurnedDown(line, cast("FaultKind", kind), field, int(first[0]) if first else None)
