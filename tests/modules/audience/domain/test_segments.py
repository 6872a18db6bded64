import json
from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from nexusone.kernel.contract import Contract
from nexusone.modules.audience.domain.segment_match import matches
from nexusone.modules.audience.domain.segments import Definition, attributes_read, dump_definition, leaves, parse_definition

ADA: dict[str, object] = {
    "external_id": "100", "email": "ada@example.com", "phone": None, "first_name": "Ada", "last_name": None, "locale": "de-DE",
    "timezone": "Europe/Berlin", "country": "DE", "created_at": datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
    "updated_at": datetime(2026, 2, 1, tzinfo=UTC),
    "attributes": {"plan": "Pro", "ltv": 12.5, "score": "42.50", "vip": True, "gone": None, "email": "other", "zip": "007"},
}  # fmt: skip


def _leaf(attribute: str = "plan", op: str = "eq", value: object = "pro") -> dict[str, object]:
    return {"attribute": attribute, "op": op, "value": value}


def _faults(raw: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as refused:
        parse_definition(raw)
    return [("".join(f"/{step}" for step in error["loc"]), error["type"]) for error in refused.value.errors()]


def _nested(depth: int) -> dict[str, object]:
    node = _leaf()
    for _ in range(depth - 1):
        node = {"not": node}
    return node


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        (_leaf("plan", "eq", "Pro"), True), (_leaf("plan", "eq", "pro"), False), (_leaf("plan", "ne", "pro"), True),
        (_leaf("nope", "ne", "pro"), True), (_leaf("nope", "eq", "pro"), False), ({"not": _leaf("nope", "lt", 5)}, True),
        (_leaf("gone", "exists", False), True), (_leaf("nope", "exists", False), True), ({"attribute": "vip", "op": "exists"}, True),
        (_leaf("score", "eq", 42.5), True), (_leaf("score", "eq", "42.5"), False), (_leaf("score", "gte", 42), True),
        (_leaf("ltv", "lt", 12.51), True), (_leaf("ltv", "eq", "12.5"), False), (_leaf("zip", "eq", 7), True),
        (_leaf("zip", "eq", "7"), False),
        (_leaf("vip", "eq", True), True), (_leaf("vip", "eq", 1), False), (_leaf("vip", "eq", "true"), False),
        (_leaf("email", "eq", " ADA@Example.COM "), True), (_leaf("email", "contains", "ADA@"), True),
        (_leaf("attributes.email", "eq", "other"), True),
        (_leaf("attributes.email", "eq", "OTHER"), False), (_leaf("external_id", "gt", 99), True), (_leaf("first_name", "lt", "Ae"), True),
        (_leaf("plan", "in", ["x", 5, "Pro", False]), True), (_leaf("vip", "in", [1, "true", False]), False),
        (_leaf("plan", "contains", "ro"), True), (_leaf("plan", "starts_with", "ro"), False), (_leaf("ltv", "contains", "12"), False),
        (_leaf("created_at", "eq", "2026-01-31T10:30:00+01:00"), True), (_leaf("created_at", "lt", "2026-01-31T09:30:00Z"), False),
        ({"all": [_leaf("plan", "eq", "Pro"), _leaf("country", "eq", "FR")]}, False),
        ({"any": [_leaf("plan", "eq", "Pro"), _leaf("country", "eq", "FR")]}, True),
    ],
)  # fmt: skip
def test_clauses_mean_what_is_written_down(clause: dict[str, object], expected: bool) -> None:
    assert matches(parse_definition(clause), ADA) is expected


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        ({}, [("", "segment_clause")]), (None, [("", "segment_clause")]), ([_leaf()], [("", "segment_clause")]),
        ({"all": []}, [("/all", "too_short")]), ({"any": _leaf()}, [("/any", "list_type")]),
        ({"all": [_leaf(), _leaf(op="like")]}, [("/all/1", "segment_clause")]),
        ({"not": _leaf(op="like")}, [("/not", "segment_clause")]),
        ({"all": [{"any": [_leaf("A b")]}]}, [("/all/0/any/0/attribute", "string_pattern_mismatch")]),
        (_leaf("plan") | {"extra": 1}, [("/extra", "extra_forbidden")]),
        ({"all": [_leaf()], "any": [_leaf()]}, [("/any", "extra_forbidden")]),
        (_leaf(value=None), [("/value", "scalar")]), (_leaf(value=[1]), [("/value", "scalar")]),
        (_leaf(value=2**63), [("/value", "scalar")]),
        (_leaf(value=float("inf")), [("/value", "scalar")]), (_leaf(value="a\0b"), [("/value", "value_error")]),
        (_leaf(value="\ud800"), [("/value", "value_error")]), (_leaf(value="x" * 501), [("/value", "too_long")]),
        (_leaf(op="in", value=[]), [("/value", "too_short")]), (_leaf(op="in", value="pro"), [("/value", "list_type")]),
        (_leaf(op="in", value=["x", None]), [("/value/1", "scalar")]), (_leaf(op="in", value=list(range(1001))), [("/value", "too_long")]),
        (_leaf(op="lt", value=True), [("/value", "not_ordered")]), (_leaf(op="contains", value=""), [("/value", "string_too_short")]),
        (_leaf(op="contains", value=5), [("/value", "string_type")]), (_leaf(op="exists", value="yes"), [("/value", "bool_type")]),
        (_leaf("country", value=True), [("/value", "never_boolean")]),
        (_leaf("created_at", "gt", "2026-01-31"), [("/value", "not_a_time")]),
        (_leaf("created_at", "gt", 5), [("/value", "not_a_time")]), (_leaf("updated_at", "contains", "2026"), [("/attribute", "not_text")]),
        (_leaf("created_at", "lt", "9999-12-31T23:59:59-01:00"), [("/value", "not_a_time")]),
        (_leaf("created_at", "in", ["2026-01-31T00:00:00Z", "x"]), [("/value/1", "not_a_time")]),
    ],
)  # fmt: skip
def test_a_fault_points_at_its_node(raw: object, faults: list[tuple[str, str]]) -> None:
    assert _faults(raw) == faults


@pytest.mark.parametrize(
    "name", ["plan'; drop table contact; --", "attributes.", "attributes.attributes.x", "a" * 64, "Plan", "ä", "plan\n", "", "c.email"]
)
def test_attribute_names_are_plain(name: str) -> None:
    assert _faults(_leaf(name)) == [("/attribute", "string_pattern_mismatch")]


def test_depth_and_size_have_limits() -> None:
    assert parse_definition(_nested(8))
    assert _faults(_nested(9)) == [("/not" * 8, "too_deep")]
    assert _faults(_nested(100_000)) == [("/not" * 8, "too_deep")]
    assert len(list(leaves(parse_definition({"any": [_leaf()] * 100})))) == 100
    assert _faults({"any": [_leaf()] * 101}) == [("", "too_many_clauses")]
    assert _faults({"any": [{"all": [_leaf()] * 60}, {"not": {"all": [_leaf()] * 60}}]}) == [("", "too_many_clauses")]
    assert parse_definition(_leaf(op="in", value=list(range(1000))))


def test_a_definition_survives_its_json_form() -> None:
    raw = {
        "all": [
            _leaf(),
            {"not": {"any": [_leaf("ltv", "gte", 5), _leaf("plan", "in", ["a", 1, True])]}},
            {"attribute": "x", "op": "exists"},
        ]
    }
    definition = parse_definition(raw)
    stored = json.loads(json.dumps(dump_definition(definition)))
    assert parse_definition(stored) == definition
    assert attributes_read(definition) == {"attributes.plan", "attributes.ltv", "attributes.x"}


def test_a_contract_that_holds_a_definition_points_into_it() -> None:
    class Wanted(Contract):
        definition: Definition

    with pytest.raises(ValidationError) as refused:
        Wanted.model_validate({"definition": {"all": [_leaf(), _leaf(value=None)]}})
    assert [error["loc"] for error in refused.value.errors()] == [("definition", "all", 1, "value")]
    assert "oneOf" in json.dumps(TypeAdapter(Wanted).json_schema())
