"""The rules of content tasks: schemas, checks, and answers of the simulated vendor that pass them in every language it has."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from nexusone.modules.ai.domain.answers import shaped_answer
from nexusone.modules.ai.domain.instructions import instructions_for
from nexusone.modules.ai.domain.tasks.checking import answer_faults
from nexusone.modules.ai.domain.tasks.networks import NETWORKS, PLATFORMS, length_on
from nexusone.modules.ai.domain.tasks.registry import TASKS, stored_task
from nexusone.modules.ai.domain.tasks.sms import parts_of
from nexusone.modules.ai.domain.tasks.task import ContentTask, prompt_of, task_rules
from nexusone.modules.audience import api as audience
from nexusone.providers.openai.simulation.brief import brief_of
from nexusone.providers.openai.simulation.copywriter import Copywriter
from nexusone.providers.openai.simulation.language import LANGUAGES
from nexusone.providers.openai.simulation.shapes import answer_for

CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    *((name, dict(kind.example)) for name, kind in TASKS.items()),
    ("campaign_email", {"brief": "Hello {{ contact.first_name }}, 20% off with {{ code }}", "subject_variants": 5}),
    ("social_post", {"brief": "Neue Solarlampe", "networks": list(NETWORKS), "link": "https://shop.example/lamp?x=1"}),
    ("sms", {"brief": "Lamp for {{ contact.first_name }}", "link": "https://shop.example/lamp"}),
    ("sms", {"brief": "Lamp", "parts_max": 3}),
    ("translation", {"texts": ["Hello {{ contact.first_name }} {{ contact.last_name }}", "Code: {{ code }}", "Plain"]}),
    ("rewrite_to_brand_voice", {"text": "Hello {{ x | default: '<b>' }}, lamp"}),
    *(("ad_copy", {"brief": "Solar lamps", "platform": platform}) for platform in PLATFORMS),
)


def given(name: str, **values: Any) -> ContentTask:
    return stored_task(name, {**TASKS[name].example, **values})


@pytest.mark.parametrize("name", TASKS)
def test_a_schema_is_whole_closed_and_small(name: str) -> None:
    schema = given(name).parts()[0].output_schema("en")
    Draft202012Validator.check_schema(schema)
    assert "$ref" not in json.dumps(schema)
    assert len(json.dumps(schema)) < 8_000
    assert (schema["additionalProperties"], schema["required"]) == (False, list(schema["properties"]))  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_simulated_vendor_keeps_every_rule(language: str) -> None:
    for name, values in CASES:
        for part in stored_task(name, values).parts():
            instructions = instructions_for(locale=language, has_schema=True) + "\n\n" + task_rules(part, language)
            schema = part.output_schema(language)
            writer = Copywriter(brief_of(instructions=instructions, prompt=prompt_of(part)))
            answer = shaped_answer(json.dumps(answer_for(schema, writer=writer)), schema=schema)
            assert answer.json_text is not None, (name, answer.faults)
            output = json.loads(answer.json_text)
            assert answer_faults(part, output, locale=language) == (), name
            if part.defines_segment:
                assert audience.definition_faults(output["definition"]) == ()


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("abc", 3),
        ("日本", 4),
        ("see https://shop.example/a/very/long/address/that/goes/on", 27),
        ("a https://a.example b http://b.example", 51),
    ],
)
def test_x_weighs_signs_and_counts_addresses_as_one_length(text: str, length: int) -> None:
    assert length_on(NETWORKS["x"], text) == length


def test_some_networks_count_in_utf_16() -> None:
    assert (length_on(NETWORKS["telegram"], "💡"), length_on(NETWORKS["bluesky"], "💡")) == (2, 1)


@pytest.mark.parametrize(
    ("text", "parts"), [("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("ą" * 70, 1), ("ą" * 71, 2), ("💡" * 36, 2)]
)
def test_a_message_has_the_parts_that_telephones_count(text: str, parts: int) -> None:
    assert parts_of(text) == parts


def test_a_post_that_is_too_long_for_its_network_is_told_by_how_much() -> None:
    (part,) = given("social_post", networks=["x"]).parts()
    (fault,) = answer_faults(part, {"post_text": "Good word " * 28, "hashtags": ["#lamp"]}, locale="en")
    assert "may have 280" in fault


@pytest.mark.parametrize("hashtag", ["lamp", "#two words", "#a#b"])
def test_a_hashtag_is_one_word_after_its_sign(hashtag: str) -> None:
    (part,) = given("social_post", networks=["x"]).parts()
    assert answer_faults(part, {"post_text": "Light.", "hashtags": [hashtag]}, locale="en")


def test_a_translation_keeps_every_placeholder_and_invents_none() -> None:
    task = given("translation", texts=["Hi {{ a }}", "Bye {{ b }}"])
    assert answer_faults(task, {"texts": ["Hallo {{ a }}", "Servus {{ b }}"]}, locale="de") == ()
    assert answer_faults(task, {"texts": ["Hallo {{ a }}", "Servus"]}, locale="de") == ("text 2 lacks the placeholder {{ b }}",)
    assert answer_faults(task, {"texts": ["Hallo {{ a }}", "Servus {{ b }} {{ c }}"]}, locale="de")


@pytest.mark.parametrize(
    ("locale", "text", "is_right"),
    [
        ("de", "Die Lampe ist da und sie ist für den Balkon, mit dem Licht der Sonne.", True),
        ("de", "The lamp is here and it is for your balcony, with the light of the sun for you.", False),
        ("fr", "La lampe est dans votre jardin et pour vous, avec une batterie.", True),
        ("pt-BR", "El balcón es para los amigos y con la lámpara del sol por la noche es tu casa y las estrellas.", False),
        ("ja", "新しいランプが登場しました。バルコニーを明るく照らします。", True),
        ("ja", "Our new lamp is here, and it lights your balcony through the night, every night of the year.", False),
        ("zh", "新しいランプが登場しました。バルコニーを明るく照らします。", False),
        ("ru", "Новая лампа уже здесь, она освещает ваш балкон всю ночь напролёт без проводов.", True),
        ("ko", "새로운 램프가 도착했습니다. 밤새도록 발코니를 밝혀 줍니다.", True),
        ("ar", "Nova LED 3000", True),
        ("xx", "Whatever this is, nobody can tell.", True),
    ],
)
def test_a_text_in_another_language_is_told_where_it_can_be(locale: str, text: str, is_right: bool) -> None:
    faults = answer_faults(given("translation", texts=["x"]), {"texts": [text]}, locale=locale)
    assert (faults == ()) is is_right


@pytest.mark.parametrize(
    "said", ["It is the FASTEST engine, in the world!", "the fastest  engine in the—world", "ｔｈｅ fastest engine in the world"]
)
def test_a_forbidden_claim_is_found_whatever_its_case_and_signs(said: str) -> None:
    task = given("sms")
    assert answer_faults(task, {"sms_text": said}, locale="en", forbidden=["the fastest engine in the world"])
    assert not answer_faults(task, {"sms_text": "A fast engine."}, locale="en", forbidden=["the fastest engine in the world", "!!"])


@pytest.mark.parametrize(
    "written", ["Look: https://evil.example/x", "<script>alert(1)</script>", "<img src=x onerror='go()'>", "Hi {{ secret }}"]
)
def test_addresses_placeholders_and_active_markup_that_nobody_gave_are_faults(written: str) -> None:
    assert answer_faults(given("sms"), {"sms_text": written}, locale="en")


def test_a_segment_names_only_attributes_that_there_are() -> None:
    task = given("segment_from_sentence", attributes=["plan"])
    clause: dict[str, Any] = {"attribute": "attributes.plan", "op": "eq", "value": "pro"}
    output: dict[str, Any] = {"name": "Pros", "explanation": "On pro.", "unclear": None, "definition": {"all": [clause]}}
    assert answer_faults(task, output, locale="en") == ()
    other: dict[str, Any] = {**clause, "attribute": "attributes.salary"}
    assert answer_faults(task, {**output, "definition": {"any": [{"not": other}]}}, locale="en")
    assert audience.definition_faults({**output["definition"], "op": "near"})
    assert audience.definition_faults(output["definition"]) == ()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("translation", {"texts": []}),
        ("translation", {"texts": ["x" * 20_000, "x" * 20_000, "x"]}),
        ("social_post", {"brief": "x", "networks": ["myspace"]}),
        ("campaign_email", {"brief": "x", "link": "javascript:alert(1)"}),
        ("campaign_email", {"brief": "x", "rules": "be free"}),
        ("report_summary", {"report": {}}),
        ("report_summary", {"report": {"x": "y" * 70_000}}),
        ("segment_from_sentence", {"sentence": "x", "attributes": ["Not A Key"]}),
    ],
)
def test_what_a_task_cannot_use_is_refused(name: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TASKS[name].model_validate_json(json.dumps(values))
