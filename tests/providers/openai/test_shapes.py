"""What the simulator writes for a schema validates against it."""

import json
import re
from typing import Any

import mrml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from nexusone.providers.openai.simulation.brief import brief_of
from nexusone.providers.openai.simulation.copywriter import Copywriter
from nexusone.providers.openai.simulation.patterns import UnreadablePattern, matching_text
from nexusone.providers.openai.simulation.shapes import UnsupportedSchema, answer_for, wrong_answer_for
from nexusone.providers.openai.simulation.tokens import count_tokens, cut_to_tokens, split_for_stream
from nexusone.providers.openai.structured import fits_strict

Schema = dict[str, Any]

NAMES = ["subject", "preheader", "headline", "body", "mjml", "cta", "ctaUrl", "hashtags", "locale", "score", "x", "a b", "größe"]
PATTERNS = [
    r"^[A-Z]{2,4}$",
    r"^#[0-9a-fA-F]{6}$",
    r"^\d{4}-\d{2}-\d{2}$",
    r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
    r"^(en|de|fr)(-[A-Z]{2})?$",
    r"[^ ]+",
    r"^\+\d{7,15}$",
    r"^https://",
    r"^.{3,}$",
]
FORMATS = ["date", "date-time", "email", "uri", "uuid", "ipv4"]


@st.composite
def strings(draw: st.DrawFn) -> Schema:
    kind = draw(st.sampled_from(["plain", "pattern", "format", "enum", "lengths"]))
    if kind == "pattern":
        return {"type": "string", "pattern": draw(st.sampled_from(PATTERNS))}
    if kind == "format":
        return {"type": "string", "format": draw(st.sampled_from(FORMATS))}
    if kind == "enum":
        return {"type": "string", "enum": draw(st.lists(st.text(max_size=8), min_size=1, max_size=4, unique=True))}
    if kind == "lengths":
        least = draw(st.integers(0, 400))
        return {"type": "string", "minLength": least, "maxLength": least + draw(st.integers(0, 300))}
    return {"type": "string"}


@st.composite
def numbers(draw: st.DrawFn) -> Schema:
    kind = draw(st.sampled_from(["integer", "number"]))
    low = draw(st.one_of(st.none(), st.integers(-1000, 1000)))
    schema: Schema = {"type": kind}
    if low is not None:
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        schema["multipleOf"] = draw(st.sampled_from([1, 2, 5, 7, 250] if kind == "integer" else [1, 0.5, 0.01, 7, 250]))
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = (
            low + draw(st.integers(600, 2000)) if low is not None else draw(st.integers(-1000, 1000))
        )
    return schema


LEAVES = st.one_of(
    strings(),
    numbers(),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({}),
    st.sampled_from([1, "one", None, [1], {"a": 1}]).map(lambda value: {"const": value}),
    st.sampled_from([{"type": ["string", "null"]}, {"type": ["null", "integer"]}, {"$ref": "#/$defs/leaf"}, {"$ref": "#/$defs/tree"}]),
)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, max_size=4))
    schema: Schema = {"type": "object", "properties": properties}
    if properties:
        schema["required"] = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    if draw(st.booleans()):
        schema["additionalProperties"] = draw(st.one_of(st.just(False), inner))
    return schema


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    schema: Schema = {"type": "array", "items": draw(inner)}
    least = draw(st.integers(0, 4))
    if draw(st.booleans()):
        schema["minItems"] = least
    if draw(st.booleans()):
        schema["maxItems"] = least + draw(st.integers(0, 3))
    return schema


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        objects(inner),
        arrays(inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda choices: {"anyOf": choices}),
        st.lists(objects(inner).map(lambda schema: {**schema, "additionalProperties": True}), min_size=1, max_size=1).map(
            lambda parts: {"allOf": parts}
        ),
    ),
    max_leaves=10,
)
DEFINITIONS: Schema = {
    "leaf": {"type": "string", "maxLength": 30},
    "tree": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
        "required": ["name", "children"],
        "additionalProperties": False,
    },
}


def writer(prompt: str = "Write a mail about Solar Lamp for {{ contact.first_name }}", instructions: str = "") -> Copywriter:
    return Copywriter(brief_of(instructions=instructions, prompt=prompt))


@settings(max_examples=250, deadline=None)
@given(objects(SCHEMAS), st.sampled_from(["Mail about tea", "Schreibe über Tee", "お茶について"]))
def test_an_answer_validates_against_any_schema(schema: Schema, prompt: str) -> None:
    schema = {**schema, "$defs": DEFINITIONS}
    made = answer_for(schema, writer=writer(prompt))
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(made)
    assert made == answer_for(schema, writer=writer(prompt))
    json.dumps(made, allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(objects(SCHEMAS))
def test_a_wrong_answer_does_not_validate_where_something_is_required(schema: Schema) -> None:
    schema = {**schema, "$defs": DEFINITIONS}
    assert not Draft202012Validator(schema).is_valid(wrong_answer_for(schema)) or not schema.get("required")
    assert isinstance(wrong_answer_for(schema), list) or schema["required"]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.text(max_size=100))
def test_any_prompt_gets_a_text_and_its_pieces_make_the_whole(prompt: str, instructions: str) -> None:
    text = writer(prompt, instructions).text()
    assert text
    assert "".join(split_for_stream(text)) == text
    cut, is_cut = cut_to_tokens(text, 10)
    assert text.startswith(cut)
    assert count_tokens(cut) <= 10
    assert is_cut == (count_tokens(text) > 10)


@pytest.mark.parametrize(
    "pattern", [*PATTERNS, r"^(?:ab|cd){2,3}\.$", r"a|b", r"^[\w.]+@[\w]+\.com$", r"^[^\d]{5}$", r"^\s?x*$", r"^[a\-z]$"]
)
def test_a_text_for_a_pattern_matches_it(pattern: str) -> None:
    for choice in range(10):
        assert re.search(pattern, matching_text(pattern, choice=choice, length_min=0, length_max=None))


@pytest.mark.parametrize("pattern", [r"(?=x)y", r"(a)\1", r"*a", r"[b-a]", r"(", r"[", "\\", r"a{2", r"a)", r"^a$b"])
def test_a_pattern_that_cannot_be_followed_is_said_to_be(pattern: str) -> None:
    with pytest.raises((UnreadablePattern, re.error)):
        matching_text(pattern, choice=0, length_min=3, length_max=5)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "array", "minItems": 100_000, "items": {"type": "string"}},
        {"type": "string", "minLength": 10_000_000},
        {"type": "string", "minLength": 5, "maxLength": 2},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 1},
        {"type": "array", "uniqueItems": True, "minItems": 4, "items": {"type": "boolean"}},
        {"anyOf": []},
        {"anyOf": [False]},
        {"$ref": "https://elsewhere.example/schema"},
        {"type": "colour"},
    ],
    ids=range(11),
)
def test_a_schema_without_an_answer_ends_in_a_refusal(schema: Schema) -> None:
    with pytest.raises(UnsupportedSchema):
        answer_for(schema, writer=writer())


def test_well_known_properties_say_what_their_names_promise() -> None:
    link = "https://lamp.example/a?b=1&c=2"
    prompt = f"Mail about Solar Lamp by Lumen & Co, {link}, 15% off, for {{{{ contact.first_name }}}} with {{{{ coupon.code }}}}"
    names = ["subject", "preheader", "headline", "body", "text", "mjml", "html", "cta", "cta_url", "hashtags", "language"]
    schema: Schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}
    made = answer_for(schema, writer=writer(prompt, "Write in German."))
    assert isinstance(made, dict)
    assert "Solar Lamp" in made["subject"] + made["headline"]
    assert made["cta_url"] == link
    assert made["language"] == "de"
    assert made["hashtags"].startswith("#")
    for name in ("body", "text", "mjml", "html"):
        assert "{{ contact.first_name }}" in made[name]
        assert "{{ coupon.code }}" in made[name]
        assert "15%" in made[name]


def test_different_items_of_a_list_say_different_things() -> None:
    schema: Schema = {
        "type": "object",
        "properties": {"subjects": {"type": "array", "items": {"type": "string"}, "minItems": 5, "maxItems": 5}},
    }
    made = answer_for(schema, writer=writer())
    assert isinstance(made, dict)
    assert len(set(made["subjects"])) == 5


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "it", "pt", "nl", "pl", "ja", "ar"])
def test_mjml_becomes_html_without_a_warning(language: str) -> None:
    prompt = 'Mail about "Fish & Chips <b>", https://shop.example/?a=1&b=2, 5% off, {{ contact.first_name | default: "you" }}'
    markup = writer(prompt, f"locale: {language}").mjml()
    output = mrml.to_html(markup)
    assert output.warnings == []
    assert "https://shop.example/?a=1&amp;b=2" in markup
    assert "<mj-button" in markup
    assert ('dir="rtl"' in markup) == (language == "ar")


def test_mjml_without_an_address_links_to_the_example() -> None:
    assert 'href="https://example.com/"' in writer("Mail about tea").mjml()


@pytest.mark.parametrize(
    ("schema", "is_strict"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": [], "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, False),
        ({"type": "object", "properties": {"a": {"maxLength": 3}}, "required": ["a"], "additionalProperties": False}, False),
        ({"type": "object", "properties": {"default": {"type": "null"}}, "required": ["default"], "additionalProperties": False}, True),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "array", "items": {"anyOf": [{"type": "object"}]}}},
                "required": ["a"],
                "additionalProperties": False,
            },
            False,
        ),
        ({"type": "array", "items": {}}, False),
        ({}, False),
    ],
    ids=range(8),
)
def test_only_closed_schemas_are_asked_for_strictly(schema: Schema, is_strict: bool) -> None:
    assert fits_strict(schema) is is_strict
