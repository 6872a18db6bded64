"""Output schemas: what is accepted, what is refused and where, and answers held against them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.modules.ai.domain.answers import plain_answer, shaped_answer
from nexusone.modules.ai.domain.output_schema import DEPTH_MAX, schema_faults

MAIL: dict[str, Any] = {
    "type": "object",
    "properties": {"subject": {"type": "string", "maxLength": 60}, "$ref": {"type": "string"}, "pattern": {"enum": [{"$ref": "x"}]}},
    "required": ["subject"],
    "additionalProperties": False,
}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"inner": schema}}
    return schema


def test_an_ordinary_schema_is_accepted_whatever_its_properties_are_called() -> None:
    assert schema_faults(MAIL) == ()


@pytest.mark.parametrize(
    ("schema", "pointer", "code"),
    [
        ({"type": "string"}, "/output_schema/type", "not_an_object"),
        ({}, "/output_schema/type", "not_an_object"),
        ({"type": "object", "properties": {"a": {"type": "strin"}}}, "/output_schema/properties/a/type", "not_a_schema"),
        ({"type": "object", "required": "a"}, "/output_schema/required", "not_a_schema"),
        ({"type": "object", "$schema": "http://json-schema.org/draft-04/schema#"}, "/output_schema/$schema", "dialect"),
        ({"type": "object", "$ref": "http://10.0.0.1/"}, "/output_schema/$ref", "keyword_refused"),
        ({"type": "object", "anyOf": [{"$dynamicRef": "#a"}]}, "/output_schema/anyOf/0/$dynamicRef", "keyword_refused"),
        ({"type": "object", "properties": {"a/b": {"pattern": "(a+)+$"}}}, "/output_schema/properties/a~1b/pattern", "keyword_refused"),
        ({"type": "object", "patternProperties": {"a": {}}}, "/output_schema/patternProperties", "keyword_refused"),
        (
            {"type": "object", "additionalProperties": {"items": {"pattern": "a"}}},
            "/output_schema/additionalProperties/items/pattern",
            "keyword_refused",
        ),
        ({"type": "object", "description": "x" * 20_000}, "/output_schema", "too_large"),
        (nested(DEPTH_MAX), "/output_schema", "too_deep"),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_where(schema: dict[str, Any], pointer: str, code: str) -> None:
    (fault,) = schema_faults(schema)
    assert (fault.pointer, fault.code) == (pointer, code)


@given(st.dictionaries(st.sampled_from(["type", "properties", "items", "anyOf", "enum", "$ref", "required", "not", "minLength"]), values))
def test_any_json_is_judged_without_a_fault_of_ours(schema: dict[str, Any]) -> None:
    schema_faults(schema)


def test_a_matching_answer_is_kept_as_canonical_json() -> None:
    answer = shaped_answer('```json\n{"subject": "Grüße"}\n```', schema=MAIL)
    assert answer.json_text == '{"subject": "Grüße"}'
    assert answer.faults == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        '{"subject": 1}',
        '{"subject": "' + "x" * 61 + '"}',
        "{}",
        '{"subject": "a", "more": 1}',
        "[]",
        '{"subject": NaN}',
        '{"subject": "\\u0000"}',
        '{"subject": "\\ud800"}',
        "[" * 100_000,
        '{"subject": ' + "9" * 5_000 + "}",
    ],
)
def test_an_answer_that_does_not_match_says_why(text: str) -> None:
    answer = shaped_answer(text, schema=MAIL)
    assert answer.json_text is None
    assert answer.faults
    assert all(len(fault) <= 300 for fault in answer.faults)


@given(st.text())
def test_any_text_is_read_without_a_fault_of_ours(text: str) -> None:
    answer = shaped_answer(text, schema=MAIL)
    assert answer.json_text is None or json.loads(answer.json_text)
    plain_answer(text).encode()
