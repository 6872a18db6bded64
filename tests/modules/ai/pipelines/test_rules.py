"""What definitions may say, what steps wait for, and that every run ends whatever happens to its steps."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.modules.ai.scripted import NOW

from nexusone.modules.ai.contracts.pipeline_steps import HttpStep, PipelineDefinition
from nexusone.modules.ai.domain.pipeline_headers import step_headers
from nexusone.modules.ai.domain.pipeline_inputs import bound_inputs, input_faults
from nexusone.modules.ai.domain.pipeline_rules import definition_faults, dependencies, successors
from nexusone.modules.ai.domain.pipeline_secrets import secret_names
from nexusone.modules.ai.domain.pipeline_values import Ended, content_hash, holds, item_keys, listed, resolved, values_of, work_id
from nexusone.modules.ai.service.pipeline_examples import examples
from nexusone.modules.marketing.domain.drafted_mail import drafted_variant

ONE = {"id": "one", "kind": "generate", "prompt": "Write"}

CALL = {"id": "two", "kind": "http", "url": "https://a.example"}
ALTERED = (
    "{{ secrets }}",
    "{{ secrets.crm | upcase }}",
    "{{ secrets.crm.size }}",
    "{{ secrets['crm'] }}",
    "{{ secrets[inputs.a] }}",
    "{% if secrets.crm contains 'a' %}1{% endif %}",
    "{% assign mine = secrets.crm %}{{ mine }}",
    "{{ secrets.crm }}{{ inputs.a | append: secrets.crm }}",
)
CREDENTIALS = ("Authorization", "authorization", "Cookie", "X-API-Key", "Proxy-Authorization", "X-Shop-Token", "My-Secret", "Deploy-Key")
OPEN = (
    "{{ inputs.a }}",
    "Bearer {{ inputs.a }}",
    "sk-1234 {{ secrets.crm }}",
    "Bearer sk1234{{ secrets.crm }}",
    "Bearer {{ secrets.crm }} sk1234",
    "{% comment %}{{ secrets.crm }}{% endcomment %}Bearer sk-1234",
)
SOUND = {
    "Authorization": "Bearer {{ secrets.crm }}",
    "Proxy-Authorization": "{{secrets.crm}}",
    "Cookie": "session={{ secrets.crm }}; csrf={{- secrets.csrf -}}",
    "X-Shop-Token": 'Token token="{{ secrets.crm }}"',
    "X-Who": "{{ inputs.a }}, {% if inputs.a %}{{ secrets.other }}{% endif %}",
    "Accept": "text/plain",
}


def defined(*steps: dict[str, Any], inputs: dict[str, Any] | None = None) -> PipelineDefinition:
    return PipelineDefinition.model_validate_json(json.dumps({"inputs": inputs or {}, "steps": steps}))


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"id": "one", "kind": "generate", "prompt": "x"}, "pipeline.step_repeated"),
        ({"id": "two", "kind": "generate", "prompt": "{{ steps.three.output }}"}, "pipeline.step_unknown"),
        ({"id": "two", "kind": "generate", "prompt": "{{ steps.two.output }}"}, "pipeline.step_unknown"),
        ({"id": "two", "kind": "generate", "prompt": "{{ steps[inputs.a] }}"}, "pipeline.reference_open"),
        ({"id": "two", "kind": "generate", "prompt": "{{ inputs.no }}"}, "pipeline.input_unknown"),
        ({"id": "two", "kind": "generate", "prompt": "{{ each }}"}, "pipeline.each_unknown"),
        ({"id": "two", "kind": "generate", "prompt": "{{ settings.key }}"}, "pipeline.name_unknown"),
        ({"id": "two", "kind": "generate", "prompt": "{% include 'a' %}"}, "liquid.tag_unknown"),
        ({"id": "two", "kind": "generate", "prompt": "x", "when": "1 %}{{ steps }}{% if 1"}, "pipeline.expression_invalid"),
        ({"id": "two", "kind": "generate", "prompt": "x", "needs": ["three"]}, "pipeline.step_unknown"),
        ({"id": "two", "kind": "generate", "prompt": "x", "output_schema": {"type": "string"}}, "not_an_object"),
        ({"id": "two", "kind": "video", "portrait": "x"}, "pipeline.video_speech"),
        ({"id": "two", "kind": "moderate"}, "pipeline.nothing_to_judge"),
        ({"id": "two", "kind": "publish", "target": "media_library"}, "pipeline.content_missing"),
        ({"id": "two", "kind": "http", "url": "https://a.example", "body": {"a": ["{{ nobody }}"]}}, "pipeline.name_unknown"),
        ({"id": "two", "kind": "generate", "prompt": "{{ secrets.crm }}"}, "pipeline.secret_misplaced"),
        ({"id": "two", "kind": "generate", "prompt": "x", "when": "secrets.crm == 'a'"}, "pipeline.secret_misplaced"),
        ({"id": "two", "kind": "generate", "prompt": "x", "for_each": "secrets"}, "pipeline.secret_misplaced"),
        ({"id": "two", "kind": "publish", "target": "none", "content": {"a": "{{ secrets.crm }}"}}, "pipeline.secret_misplaced"),
        ({**CALL, "url": "https://a.example/{{ secrets.crm }}"}, "pipeline.secret_misplaced"),
        ({**CALL, "body": {"token": "{{ secrets.crm }}"}}, "pipeline.secret_misplaced"),
        ({**CALL, "when": "secrets.crm"}, "pipeline.secret_misplaced"),
        *(({**CALL, "headers": {"X-Who": text}}, "pipeline.secret_altered") for text in ALTERED),
        *(({**CALL, "headers": {name: "Bearer sk-1234"}}, "pipeline.credential_open") for name in CREDENTIALS),
        *(({**CALL, "headers": {"Authorization": text}}, "pipeline.credential_open") for text in OPEN),
    ],
)
def test_a_fault_names_its_step(step: dict[str, Any], code: str) -> None:
    (fault, *_) = definition_faults(defined(ONE, step, inputs={"a": {}}))
    assert fault.code == code
    assert fault.pointer.startswith("/definition/steps/1")
    assert step["id"] in fault.detail


def test_credentials_are_secrets_and_what_is_no_credential_may_hold_them_too() -> None:
    found = defined(ONE, {**CALL, "headers": SOUND}, inputs={"a": {}})
    assert definition_faults(found) == ()
    assert secret_names(found) == ("crm", "csrf", "other")


@given(st.text(alphabet="{} secrets.crm-<>0123456789abcdef%", max_size=80))
def test_no_text_that_a_run_is_given_names_a_secret(said: str) -> None:
    step = HttpStep(id="two", kind="http", url="x", headers={"X-Who": "{{ inputs.a }}|{{ secrets.crm }}"})
    headers = step_headers(step, {"inputs": {"a": said}}, nonce="5f" * 16)
    assert headers.told == {"X-Who": said + "|{{ secrets.crm }}"}
    assert headers.sent({"crm": SecretStr("<" + "5f" * 16 + "-crm>")}) == {"X-Who": said + "|<" + "5f" * 16 + "-crm>"}


def test_the_examples_can_be_run() -> None:
    assert [example.name for example in examples()] == ["catalog-translation", "product-launch-kit"]
    assert [definition_faults(example.definition) for example in examples()] == [(), ()]


def test_what_is_waited_for_is_what_templates_mention_and_what_is_named() -> None:
    two = {"id": "two", "kind": "generate", "prompt": "{{ steps.one.output }}"}
    three = {"id": "three", "kind": "http", "url": "https://a.example", "needs": ["one"], "when": "steps.two.output != ''"}
    found = defined(ONE, two, three, {"id": "four", "kind": "generate", "prompt": "x"})
    assert [dependencies(step) for step in found.steps] == [(), ("one",), ("one", "two"), ()]
    assert successors(found, ("one",)) == ("two", "three")
    assert successors(found, ("two",)) == ("three",)
    assert successors(found, ("four",)) == ()


def test_values_are_what_they_are_where_a_template_is_one_output_alone() -> None:
    rows = [Ended("copy", -1, "succeeded", True, None, None), Ended("copy", 0, "succeeded", True, "de", {"output": {"subject": "Licht"}})]
    seen = values_of({"locales": ["de"]}, rows, feedback="", each="de")
    assert resolved("{{ steps.copy.by[each].output }}", seen) == {"subject": "Licht"}
    assert resolved("{{ steps.copy.by.de.output.subject }}!", seen) == "Licht!"
    assert resolved({"a": ["{{ steps.copy.outputs }}", 1, None]}, seen) == {"a": [[{"subject": "Licht"}], 1, None]}
    assert resolved("{{ steps.copy.by.fr.output }}", seen) is None
    assert listed("inputs.locales", seen) == ["de"]
    assert listed("inputs.locales[0]", seen) is None
    assert holds("steps.copy.by.de.output.subject == 'Licht'", seen)
    assert not holds("steps.copy.by.fr", seen)


@given(
    st.lists(st.one_of(st.text(max_size=150), st.integers(), st.dictionaries(st.sampled_from(["sku", "name", "x"]), st.text(max_size=9))))
)
def test_items_have_keys_of_their_own(items: list[Any]) -> None:
    keys = item_keys(items)
    assert len(set(keys)) == len(keys) == len(items)
    assert all(len(key) <= 100 for key in keys)


@given(st.integers(0, 2**30), st.integers(-1, 50), st.text(alphabet="abc_", min_size=1, max_size=9))
def test_a_try_has_one_id_that_sorts_by_time(tries: int, item: int, step: str) -> None:
    run = UUID(int=5)
    made = work_id(run, step, item, tries, at=NOW)
    assert made == work_id(run, step, item, tries, at=NOW)
    assert made.version == 7
    assert made.int >> 80 == int(NOW.timestamp() * 1000)
    assert made != work_id(run, step, item, tries + 1, at=NOW)


@given(st.data())
def test_steps_are_ready_exactly_when_what_they_wait_for_has_ended(data: st.DataObject) -> None:
    """The rule that the scheduler's statement has, on random graphs: nothing begins early, and nothing that can begin is left."""
    count = data.draw(st.integers(1, 12))
    waits = [data.draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) if number else [] for number in range(count)]
    steps = [
        {"id": f"s{number}", "kind": "generate", "prompt": "x", "needs": [f"s{before}" for before in waits[number]]}
        for number in range(count)
    ]
    found = defined(*steps)
    failing = data.draw(st.sets(st.integers(0, count - 1)))
    ended: dict[str, bool] = {}
    order: list[str] = []
    while ready := [step.id for step in found.steps if step.id not in ended and all(ended.get(name) for name in dependencies(step))]:
        taken = data.draw(st.sampled_from(ready))
        order.append(taken)
        ended[taken] = int(taken[1:]) not in failing
    lost = [name for name, is_done in ended.items() if not is_done]
    assert {step.id for step in found.steps} - set(ended) == set(successors(found, lost)) - set(lost)
    assert all(order.index(name) < order.index(step.id) for step in found.steps if step.id in ended for name in dependencies(step))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", "a", 1),
        ("integer", 3, True),
        ("number", 1.5, "1"),
        ("boolean", True, 1),
        ("locale", "pt-BR", "!"),
        ("locales", ["en", "de"], ["en", "en"]),
        ("list", ["a"], [1]),
        ("asset", "018f6b1e-5d8a-7c3e-9f27-3b1c0d9e4a55", "1"),
        ("objects", [{"sku": "a", "price": 1}], [{"a": {"b": 1}}]),
    ],
)
def test_inputs_are_of_their_kind(kind: str, good: object, bad: object) -> None:
    found = defined(ONE, inputs={"a": {"kind": kind}})
    assert list(input_faults(found, {"a": good})) == []
    assert bound_inputs(found, {"a": good}) == {"a": good}
    assert [code for _, code, _ in input_faults(found, {"a": bad})] == ["pipeline.input_invalid"]
    assert [code for _, code, _ in input_faults(found, {"b": bad})] == ["pipeline.input_unknown", "pipeline.input_missing"]


def test_the_same_content_has_the_same_hash_however_it_is_ordered() -> None:
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert content_hash({"a": [1, 2]}) != content_hash({"a": [2, 1]})


@pytest.mark.parametrize("said", ["{{ contact.email }}", "{% assign a = 1 %}", "<script>", "</mj-text><mj-raw>x</mj-raw>"])
def test_api_21_what_a_model_wrote_has_no_effect_in_a_drafted_mail(said: str) -> None:
    texts: Sequence[str] = ("subject", "preheader", "headline", "body", "call_to_action")
    made = drafted_variant(dict.fromkeys(texts, said), url="https://sol.example")
    assert not any(mark in text for text in made.values() for mark in ("{{", "{%"))
    assert "<script" not in made["mjml"]
    assert "<mj-raw" not in made["mjml"]
    with pytest.raises(ValueError, match="subject"):
        drafted_variant({"body": "x"}, url="")
