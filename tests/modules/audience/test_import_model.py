"""Importing against a model: whatever is in the files, contacts, counts and rejected lines are what the model says."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_settings import BaseSettings

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.modules.audience.service import import_run, imports
from nexusone.modules.audience.settings import AudienceSettings
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

LIST_CONTACTS = sql("""
select external_id, email, phone, first_name, attributes from audience.contact where workspace_id = %(workspace_id)s order by id
""")
FIELDS = ("external_id", "email", "phone", "first_name", "plan")
IDENTIFIERS = FIELDS[:3]

Row = tuple[str, str, str, str, str]

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "1", "2", "3", "4"]),
        st.sampled_from(["", "a@example.com", "b@example.com", "c@example.com", "bad"]),
        st.sampled_from(["", "", "+4930123456", "+4930123457"]),
        st.sampled_from(["", "Ada", "Bob"]),
        st.sampled_from(["", "pro", "7"]),
    ),
    max_size=12,
)


@dataclass(eq=False)
class ModelContact:
    """A contact; `touched` is the last import that wrote it."""

    values: dict[str, str] = field(default_factory=dict)
    touched: int = -1


@dataclass
class Model:
    """The rules of importing, row by row: a batch is judged by the contacts as they were before it."""

    contacts: list[ModelContact] = field(default_factory=list)

    def take(self, number: int, rows: Sequence[Row], *, batch_rows: int) -> tuple[int, int, set[int]]:
        created = updated = 0
        rejected: set[int] = set()
        for start in range(0, len(rows), batch_rows):
            seen: set[tuple[str, str]] = set()
            taken: list[tuple[ModelContact | None, dict[str, str]]] = []
            for line, row in enumerate(rows[start : start + batch_rows], start=start + 2):
                values = {name: value for name, value in zip(FIELDS, row, strict=True) if value}
                identifiers = {(name, values[name]) for name in IDENTIFIERS if name in values}
                if not identifiers or values.get("email") == "bad" or identifiers & seen:
                    rejected.add(line)
                    continue
                seen |= identifiers
                is_accepted, contact = self._judge(number, values)
                if not is_accepted or (contact is not None and any(contact is other for other, _ in taken)):
                    rejected.add(line)
                else:
                    taken.append((contact, values))
            for contact, values in taken:
                created += contact is None
                updated += contact is not None
                if contact is None:
                    contact = ModelContact()
                    self.contacts.append(contact)
                contact.values.update(values)
                contact.touched = number
        return created, updated, rejected

    def _judge(self, number: int, values: dict[str, str]) -> tuple[bool, ModelContact | None]:
        found = [
            (strength, contact)
            for strength, name in enumerate(IDENTIFIERS)
            for contact in self.contacts
            if name in values and contact.values.get(name) == values[name]
        ]
        if not found:
            return True, None
        strength, contact = found[0]
        is_other = any(
            contact.values.get(name, values.get(name)) != values.get(name, contact.values.get(name)) for name in IDENTIFIERS[:strength]
        )
        is_torn = any(other is not contact for _, other in found)
        is_touched = any(other.touched == number for _, other in found)
        return not (is_other or is_torn or is_touched), contact


async def import_rows(ctx: Context, rows: Sequence[Row]) -> tuple[int, int, set[int]]:
    text = io.StringIO()
    csv.writer(text).writerows([FIELDS, *rows])

    async def chunks() -> AsyncIterator[bytes]:
        yield text.getvalue().encode()

    queued = await imports.start_import(ctx, file=chunks(), mapping=None)
    await import_run.run_import(ctx, import_id=queued.id)
    made = await imports.get_import(ctx, import_id=queued.id)
    errors = b"".join([chunk async for chunk in await imports.open_errors(ctx, import_id=queued.id)]).decode()
    assert made.status == "succeeded"
    assert made.rows_total == len(rows)
    rejected = [int(row[0]) for row in list(csv.reader(io.StringIO(errors)))[1:]]
    assert len(rejected) == made.rejected == len(set(rejected))
    return made.created, made.updated, set(rejected)


async def contacts_of(ctx: Context) -> list[dict[str, str]]:
    async with ctx.transaction("audience") as tx:
        rows = await tx.fetch_tuples(LIST_CONTACTS, {"workspace_id": ctx.workspace})
    return [
        {name: value for name, value in zip(FIELDS, (*fields, str(attributes.get("plan", ""))), strict=True) if value}
        for *fields, attributes in rows
    ]


@given(files=st.lists(ROWS, min_size=1, max_size=3), batch_rows=st.integers(1, 6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_an_import_does_what_the_model_says(composition: Composition, files: list[list[Row]], batch_rows: int) -> None:
    kinds: dict[type[BaseSettings], BaseSettings] = {
        **composition.runtime.settings,
        AudienceSettings: AudienceSettings(import_batch_rows=batch_rows),
    }
    ctx = replace(composition.runtime, settings=kinds).system(new_id())
    model = Model()
    for number, rows in enumerate(files):
        # A row of blanks is no row.
        rows = [row for row in rows if any(row)]
        assert await import_rows(ctx, rows) == model.take(number, rows, batch_rows=batch_rows)
        found = await contacts_of(ctx)
        wanted = [contact.values for contact in model.contacts]
        assert sorted(found, key=repr) == sorted(({name: made[name] for name in FIELDS if name in made} for made in wanted), key=repr)
