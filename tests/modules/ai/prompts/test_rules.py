"""Prompt templates as rules: faults, values, languages, limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.kernel.liquid.faults import RenderFault
from nexusone.modules.ai.contracts.prompts import PromptVariable
from nexusone.modules.ai.domain.prompts import ValuesRejected, bound_values, chosen_locale, prompt_faults, rendered

VARIABLES = {
    "product": PromptVariable(length_max=20),
    "count": PromptVariable(kind="integer", is_required=False, default=3),
    "price": PromptVariable(kind="number", is_required=False),
    "is_new": PromptVariable(kind="boolean", is_required=False),
    "launch": PromptVariable(kind="date", is_required=False),
    "benefits": PromptVariable(kind="list", is_required=False, length_max=10),
}


def codes(text: str, **variables: PromptVariable) -> list[str]:
    return [fault.code for fault in prompt_faults(default_locale="en", texts={"en": text}, variables=variables)]


def rejected(**values: object) -> list[tuple[str, str]]:
    with pytest.raises(ValuesRejected) as caught:
        bound_values(VARIABLES, values)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ product }", "liquid.unclosed"),
        ("{% if %}", "liquid.invalid"),
        ("{% include 'x' %}", "liquid.tag_unknown"),
        ("{{ product | file }}", "liquid.filter_unknown"),
        ("{{ secret }}", "prompt.variable_undeclared"),
        ("{% for i in (1..100000) %}{% endfor %}", "liquid.loop_limit"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused(text: str, code: str) -> None:
    assert codes(text, product=PromptVariable()) == [code]


def test_a_template_needs_its_default_language_and_defaults_that_fit() -> None:
    variables = {"count": PromptVariable(kind="integer", default="three")}
    faults = prompt_faults(default_locale="de", texts={"en": "Hello"}, variables=variables)
    assert [fault.pointer for fault in faults] == ["/default_locale", "/variables/count/default"]


def test_what_a_template_assigns_itself_needs_no_declaration() -> None:
    assert codes("{% assign name = product | upcase %}{{ name }}", product=PromptVariable()) == []


def test_values_are_typed() -> None:
    assert rejected(product=1) == [("/values/product", "prompt.value_invalid")]
    assert rejected(product="x" * 21) == [("/values/product", "prompt.value_invalid")]
    assert rejected(product="x\x00") == [("/values/product", "prompt.value_invalid")]
    assert rejected(product="x", count=True) == [("/values/count", "prompt.value_invalid")]
    assert rejected(product="x", count=1.5) == [("/values/count", "prompt.value_invalid")]
    assert rejected(product="x", price=float("nan")) == [("/values/price", "prompt.value_invalid")]
    assert rejected(product="x", is_new="yes") == [("/values/is_new", "prompt.value_invalid")]
    assert rejected(product="x", launch="2026-02-30") == [("/values/launch", "prompt.value_invalid")]
    assert rejected(product="x", benefits=["a", 1]) == [("/values/benefits", "prompt.value_invalid")]
    assert rejected(product="x", benefits=["a" * 11]) == [("/values/benefits", "prompt.value_invalid")]
    assert rejected() == [("/values/product", "prompt.value_missing")]
    assert rejected(product="x", other="y") == [("/values/other", "prompt.value_unknown")]


def test_defaults_stand_in_and_nothing_is_nothing() -> None:
    bound = bound_values(VARIABLES, {"product": "lamp", "price": None})
    assert bound == {"product": "lamp", "count": 3, "price": None, "is_new": None, "launch": None, "benefits": None}
    assert rendered("{{ count }} x {{ product }}{{ price }}{% if is_new %}!{% endif %}", bound) == "3 x lamp"


@given(st.text(max_size=200))
def test_values_are_never_read_as_liquid(text: str) -> None:
    variables = {"product": PromptVariable(length_max=1_000)}
    try:
        bound = bound_values(variables, {"product": text})
    except ValuesRejected:
        return
    # Line ends are spelled in one way, as in everything that is rendered.
    assert rendered("[{{ product }}]", bound) == "[" + text.replace("\r\n", "\n").replace("\r", "\n") + "]"


def test_a_value_that_looks_like_liquid_stays_as_it_is() -> None:
    assert rendered("{{ product }}", {"product": "{{ secret }}{% for %}"}) == "{{ secret }}{% for %}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ product }}", "prompt.empty"),
        ("{% for i in (1..9999) %}12345{% endfor %}", "prompt.too_long"),
        ("{% for i in (1..9999) %}{% for j in (1..9999) %}{% endfor %}{% endfor %}", "liquid.loop_limit"),
    ],
)
def test_rendering_has_limits(text: str, code: str) -> None:
    with pytest.raises(RenderFault) as caught:
        rendered(text, {"product": None})
    assert caught.value.code == code


@pytest.mark.parametrize(("wanted", "found"), [("de-AT", "de"), ("de", "de"), ("pt-BR", "pt-BR"), ("pt", "en"), ("fr", "en"), (None, "en")])
def test_the_nearest_language_is_taken(wanted: str | None, found: str) -> None:
    assert chosen_locale({"en": "", "de": "", "pt-BR": ""}, wanted=wanted, default_locale="en") == found
