import json
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.kernel.contract import UNPRINTABLE
from nexusone.modules.audience.domain.contact import TEXT_FIELDS
from nexusone.modules.audience.domain.segment_match import matches
from nexusone.modules.audience.domain.segments import Equality, Node, parse_definition
from nexusone.modules.audience.store.segment_relation import segment_relation
from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.sql import sql

COLUMNS = (
    "id int, external_id text, email text, phone text, first_name text, last_name text, locale text, timezone text, country text,"
    " attributes jsonb, created_at timestamptz, updated_at timestamptz"
)
ANSWERS = sql("""
    select c.id, ({clause}) from jsonb_to_recordset(%(contacts)s::jsonb) as c(
        id int, external_id text, email text, phone text, first_name text, last_name text, locale text, timezone text, country text,
        attributes jsonb, created_at timestamptz, updated_at timestamptz
    ) order by c.id
""")

HOSTILE = [
    "' or true --", "'; drop table t; --", "%s", "%(segment_0)s", "%", "%%", "\\", "\\'", "{text}", "{value}", "$1", "$$", "_", '"', "';--",
    "1e5", "NaN", "Infinity", "-Infinity", " 42 ", "0x2a", "4_2", "42.", ".5", "+42", "--42", "4 2", "1e131071",
    "9" * 40, "9" * 41, "٤٢", "",
]  # fmt: skip
STRINGS = [
    *HOSTILE,
    "pro",
    "Pro",
    "true",
    "t",
    "f",
    "false",
    "null",
    "42",
    "42.0",
    "042",
    "-1",
    "0.1",
    "é",
    "e\u0301",
    "Z",
    "z",
    "𝒳",
    "\uffff",
    "[",
    "{",
    "a\nb",
]
NUMBERS = [42, 42.0, -1, 0, -0.0, 0.1, 1e300, -1e300, 5e-324, 2**53 + 1, float(2**53), 2**63 - 1, 0.30000000000000004, 1e22]
TIMES = ["2026-01-31T09:30:00Z", "2026-01-31T10:30:00+01:00", "2026-01-31T09:30:00.000001Z", "1999-12-31T23:59:59Z"]
NAMES = ["plan", "attributes.plan", "ltv", "attributes.email", "x_1"]


def _is_printable(text: str) -> bool:
    return not UNPRINTABLE.search(text)


texts = st.sampled_from(STRINGS) | st.text(max_size=6).filter(_is_printable)
numbers = st.sampled_from(NUMBERS) | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
stored_values = st.none() | st.booleans() | numbers | texts | st.sampled_from([[], [42], ["pro"], {}, {"plan": "pro"}])
contacts = st.fixed_dictionaries(
    {
        **{field: st.none() | texts for field in TEXT_FIELDS},
        "email": st.sampled_from([None, "ada@example.com", "x@xn--bcher-kva.de", "pro"]),
        "created_at": st.sampled_from(TIMES),
        "updated_at": st.sampled_from(TIMES),
        "attributes": st.dictionaries(st.sampled_from(["plan", "ltv", "email", "x_1"]), stored_values, max_size=4),
    }
)


def _clause(attribute: str, op: str, value: object) -> dict[str, object]:
    return {"attribute": attribute, "op": op, "value": value}


custom = st.sampled_from(NAMES)
scalars = texts | numbers | st.booleans()
fields = st.sampled_from(TEXT_FIELDS)
field_scalars = texts | numbers | st.sampled_from(["ADA@example.com", "x@bücher.de", "@Example"])
instants = st.sampled_from(["created_at", "updated_at"])
times = st.sampled_from(TIMES)
equalities = st.sampled_from(["eq", "ne"])
orders = st.sampled_from(["lt", "lte", "gt", "gte"])
searches = st.sampled_from(["contains", "starts_with"])
clauses = st.one_of(
    st.builds(_clause, custom, equalities, scalars),
    st.builds(_clause, custom, orders, texts | numbers),
    st.builds(_clause, custom, st.just("in"), st.lists(scalars, min_size=1, max_size=5)),
    st.builds(_clause, custom | fields, searches, texts.filter(bool)),
    st.builds(_clause, custom | fields | instants, st.just("exists"), st.booleans()),
    st.builds(_clause, fields, equalities | orders, field_scalars),
    st.builds(_clause, fields, st.just("in"), st.lists(field_scalars, min_size=1, max_size=5)),
    st.builds(_clause, instants, equalities | orders, times),
    st.builds(_clause, instants, st.just("in"), st.lists(times, min_size=1, max_size=3)),
)
definitions = st.recursive(
    clauses,
    lambda below: (
        st.fixed_dictionaries({"all": st.lists(below, min_size=1, max_size=4)})
        | st.fixed_dictionaries({"any": st.lists(below, min_size=1, max_size=4)})
        | st.fixed_dictionaries({"not": below})
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def connection(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.admin_url(), autocommit=True) as connection:
        yield connection


def _parsed(raw: dict[str, object]) -> Node | None:
    depth = json.dumps(raw).count('"not"') + json.dumps(raw).count('"all"') + json.dumps(raw).count('"any"')
    return parse_definition(raw) if depth < 8 else None


def _answers(connection: psycopg.Connection, definition: Node, rows: list[dict[str, object]]) -> list[object]:
    relation = segment_relation(definition)
    statement = ANSWERS.fill(clause=relation.where)
    numbered = json.dumps([{**row, "id": at} for at, row in enumerate(rows)])
    found = connection.execute(statement.text.encode(), {**relation.parameters, "contacts": numbered}).fetchall()
    return [answer for _, answer in found]


def _expected(definition: Node, row: dict[str, object]) -> bool:
    instants = {name: datetime.fromisoformat(str(row[name])).astimezone(UTC) for name in ("created_at", "updated_at")}
    return matches(definition, {**row, **instants})


@given(definitions, st.lists(contacts, min_size=1, max_size=8))
@settings(max_examples=400, deadline=None)
def test_sql_and_the_written_down_meaning_agree(
    connection: psycopg.Connection, raw: dict[str, object], rows: list[dict[str, object]]
) -> None:
    definition = _parsed(raw)
    if definition is not None:
        assert _answers(connection, definition, rows) == [_expected(definition, row) for row in rows]


@given(clauses, st.lists(contacts, min_size=1, max_size=12))
@settings(max_examples=600, deadline=None)
def test_each_comparison_agrees_and_its_negation_is_the_opposite(
    connection: psycopg.Connection, raw: dict[str, object], rows: list[dict[str, object]]
) -> None:
    answers = _answers(connection, parse_definition(raw), rows)
    assert answers == [_expected(parse_definition(raw), row) for row in rows]
    assert _answers(connection, parse_definition({"not": raw}), rows) == [not answer for answer in answers]


@pytest.mark.parametrize("op", ["eq", "ne", "lt", "gte", "in"])
def test_only_plain_decimal_text_is_compared_as_a_number(connection: psycopg.Connection, op: str) -> None:
    row: dict[str, object] = dict.fromkeys(TEXT_FIELDS) | {"created_at": TIMES[0], "updated_at": TIMES[0]}
    stored = [*STRINGS, *NUMBERS, *map(str, NUMBERS), True, None, [42], {"a": 1}]
    rows = [row | {"phone": str(value), "attributes": {"plan": value}} for value in stored]
    for attribute in ("phone", "plan"):
        for number in NUMBERS:
            definition = parse_definition(_clause(attribute, op, [number, 0.1] if op == "in" else number))
            assert _answers(connection, definition, rows) == [_expected(definition, row) for row in rows]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_hostile_text_is_only_ever_a_value(connection: psycopg.Connection, text: str) -> None:
    row: dict[str, object] = dict.fromkeys(TEXT_FIELDS) | {"first_name": text, "attributes": {"plan": text}}
    row |= {"created_at": TIMES[0], "updated_at": TIMES[0]}
    for attribute in ("first_name", "plan"):
        for op in ("eq", "contains", "starts_with"):
            definition = parse_definition(_clause(attribute, op, text))
            assert _answers(connection, definition, [row, row | {"first_name": "x", "attributes": {"plan": "x"}}]) == [True, False]
    assert segment_relation(parse_definition(_clause("plan", "eq", text))).parameters == {"segment_0": "plan", "segment_1": text}


@pytest.mark.parametrize("name", [text for text in HOSTILE if text])
def test_a_name_that_slipped_past_the_contract_is_only_ever_a_value(connection: psycopg.Connection, name: str) -> None:
    definition = Equality.model_construct(attribute=name, op="eq", value="pro")
    row: dict[str, object] = dict.fromkeys(TEXT_FIELDS) | {"attributes": {name: "pro"}, "created_at": TIMES[0], "updated_at": TIMES[0]}
    plain = segment_relation(parse_definition(_clause("plan", "eq", "pro")))
    assert segment_relation(definition).where.text == plain.where.text
    assert _answers(connection, definition, [row, row | {"attributes": {"plan": "pro"}}]) == [True, False]


def test_two_segments_fit_into_one_statement() -> None:
    definition = parse_definition(_clause("plan", "eq", "pro"))
    one, other = segment_relation(definition, prefix="one"), segment_relation(definition, prefix="other")
    assert not one.parameters.keys() & other.parameters.keys()
    with pytest.raises(ValueError, match="not a parameter name"):
        segment_relation(definition, prefix="x)s; --")


@pytest.mark.parametrize(
    ("clause", "index"),
    [
        (_clause("email", "eq", "ada@example.com"), "by_email"),
        (_clause("email", "in", ["ada@example.com", "bob@example.com"]), "by_email"),
        (_clause("country", "eq", "DE"), "by_country"),
        (_clause("created_at", "gte", "2026-01-31T09:30:00Z"), "by_time"),
    ],
)
def test_an_index_answers_a_built_in_field(connection: psycopg.Connection, clause: dict[str, object], index: str) -> None:
    relation = segment_relation(parse_definition(clause))
    with connection.transaction(force_rollback=True):
        connection.execute(f"create table pg_temp.t ({COLUMNS})".encode())
        connection.execute(
            "create index by_email on t (email); create index by_country on t (country); create index by_time on t (created_at)"
        )
        connection.execute("set local enable_seqscan = off")
        statement = sql("explain select c.id from pg_temp.t c where {clause}").fill(clause=relation.where)
        plan = "\n".join(line for (line,) in connection.execute(statement.text.encode(), dict(relation.parameters)))
    assert index in plan
    assert "Index Cond" in plan
