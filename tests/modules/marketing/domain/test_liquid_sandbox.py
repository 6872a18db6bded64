"""The template language cannot reach out, run on, or put markup together."""

import time
from datetime import UTC, datetime

import pytest

from nexusone.kernel.liquid.faults import RenderFault, TemplateRejected
from nexusone.modules.marketing.domain.liquid import Program


class Secretive:
    """An object with attributes and methods that no template may see."""

    secret = "s3cret-canary"

    def leak(self) -> str:
        return self.secret


VALUES: dict[str, object] = {
    "contact": {"first_name": "Zoë <b>", "tags": ["a", "b", "c"], "attributes": {"n": 3, "born": "1990-05-17", "object": Secretive()}},
    "workspace": {"name": "Acme & Co"},
    "campaign": {"name": "Spring"},
    "unsubscribe_url": "https://t.example.com/u/x",
    "now": datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
}

INTRUSIONS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ contact.__class__ }}",
    "{{ contact['__class__']['__init__']['__globals__'] }}",
    "{{ contact.attributes.object.secret }}",
    "{{ contact.attributes.object.leak }}",
    "{{ contact.attributes.object['secret'] }}",
    "{{ contact.items }}",
    "{{ contact.keys }}",
    "{{ contact.tags.append }}",
    "{{ contact.tags.pop }}",
    "{{ self }}{{ config }}{{ request }}{{ globals }}{{ builtins }}{{ __import__ }}",
    "{{ now.year.__class__ }}",
    "{{ contact | map: '__class__' }}",
    "{{ contact.first_name | attr: '__class__' }}",
    "{{ 7 | times: 7 | call }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{% include '/etc/passwd' %}",
    "{% render '../secrets' %}",
    "{% layout 'x' %}",
    "{% extends 'x' %}{% block a %}{% endblock %}",
    "{% liquid echo contact %}",
    "{% echo contact.first_name %}",
    "{% raw %}{{ x }}{% endraw %}",
    "{% doc %}x{% enddoc %}",
    "{% tablerow i in (1..3) %}{{ i }}{% endtablerow %}",
    "{% cycle '<script>', 'b' %}",
    "{% assign contact = 'x' %}",
    "{% capture unsubscribe_url %}https://evil.example{% endcapture %}",
    "{% for workspace in contact.tags %}{% endfor %}",
    "{% import os %}",
    "${7*7}",
    "<%= 7*7 %>",
    "#{7*7}",
]


@pytest.mark.parametrize("source", INTRUSIONS)
@pytest.mark.parametrize("is_html", [True, False])
def test_an_intruding_template_is_refused_or_sees_nothing(source: str, is_html: bool) -> None:
    try:
        rendered = Program(source, is_html=is_html).render(VALUES)
    except (TemplateRejected, RenderFault):
        return
    for leaked in ("canary", "class", "function", "root:", "object at", "subclass", "built-in", "49<", "uid="):
        assert leaked not in rendered.replace(source, "")


BOMBS = {
    "nested loops": "{% for i in (1..9999) %}{% for j in (1..9999) %}{% for k in (1..9999) %}x{% endfor %}{% endfor %}{% endfor %}",
    "loops one after another": "{% for i in (1..9000) %}x{% endfor %}" * 100,
    "a loop with much in it": "{% for i in (1..9999) %}" + "{{ contact.first_name | upcase | downcase }}" * 500 + "{% endfor %}",
    "a loop with empty blocks": "{% for i in (1..9999) %}" + "{% if nothing %}{% endif %}" * 500 + "{% endfor %}",
    "a range without end": "{% for i in (1..999999999999) reversed %}x{% endfor %}",
    "a range from a value": "{% if (1..contact.attributes.n) contains 'x' %}{% endif %}",
    "doubling": "{% assign x = 'aaaaaaaaaaaaaaaa' %}" + "{% assign x = x | append: x %}" * 60,
    "doubling in one expression": "{% assign x = 'aaaaaaaaaaaaaaaa' %}{{ x"
    + " | replace: 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'" * 15
    + " }}",
    "output": "{% for i in (1..9999) %}" + "x" * 5_000 + "{% endfor %}",
    "output from many loops": ("{% for i in (1..60) %}" + "x" * 4_000 + "{% endfor %}") * 60,
    "captures": "{% for i in (1..9999) %}{% capture x %}{{ x }}" + "y" * 500 + "{% endcapture %}{% endfor %}",
    "squaring": "{% assign x = 999999 %}" + "{% assign x = x | times: x %}" * 300,
    "padding": "{{ 'now' | date: '%9999999999d' }}",
    "deep blocks": "{% if contact %}" * 400 + "{% endif %}" * 400,
    "deep paths": "{{ " + "contact[" * 120 + "'a'" + "]" * 120 + " }}",
    "never closed": "{{" * 100_000,
    "never closed tags": "{% raw " * 30_000,
    "much of it": "{{ x }}" * 30_000,
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
@pytest.mark.parametrize("is_html", [True, False])
def test_a_bomb_ends_at_once_with_a_clear_fault(source: str, is_html: bool) -> None:
    started = time.process_time()
    with pytest.raises((TemplateRejected, RenderFault)) as caught:
        Program(source, is_html=is_html).render(VALUES)
    assert time.process_time() - started < 1.0
    raised = caught.value
    assert isinstance(raised, TemplateRejected | RenderFault)
    fault = raised.faults[0] if isinstance(raised, TemplateRejected) else raised
    assert fault.code.startswith("liquid.")
    assert fault.detail


def test_the_dearest_template_within_the_limits_takes_less_than_a_second() -> None:
    dear = "{% for i in (1..600) %}" + "{% assign x = contact.first_name | upcase | downcase | strip %}" * 15 + "{% endfor %}"
    program = Program(dear, is_html=True)
    started = time.process_time()
    program.render(VALUES)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ contact.first_name }}", "Zoë &lt;b&gt;"),
        ("{{ '<script>' }}", "&lt;script&gt;"),
        ("{{ '<script>' | append: '</script>' }}", "&lt;script&gt;&lt;/script&gt;"),
        ("{{ contact.first_name | escape }}", "Zoë &lt;b&gt;"),
        ("{% assign x = '<i>' %}{{ x }}", "&lt;i&gt;"),
        ("{% capture x %}<b>{{ contact.first_name }}</b>{% endcapture %}{{ x }}", "<b>Zoë &lt;b&gt;</b>"),
        ("{% capture x %}<span>{% endcapture %}{{ x | replace: 'pan', 'cript' }}", "&lt;script&gt;"),
        ("{{ contact.tags }}", "abc"),
        ("{{ contact.tags | join: '<br>' }}", "a&lt;br&gt;b&lt;br&gt;c"),
        ("{{ 'a\nb' | newline_to_br }}", "a<br>\nb"),
        ("{{ contact }}", ""),
        ("{{ missing.deeply.so }}", ""),
        ("{{ missing | default: 'friend' }}", "friend"),
        ("{{ contact.tags.size }} {{ contact.tags.first }} {{ contact.tags[1] }}", "3 a b"),
        ("{{ contact.attributes.born | date: '%d.%m.%Y' }} {{ 'now' | date: '%Y' }}", "17.05.1990 2026"),
        ("{{ 7 | divided_by: 2 }} {{ 7.0 | divided_by: 2 }} {{ '3.5' | plus: 1 }} {{ 3.7 | round }}", "3 3.5 4.5 4"),
        ("{% for t in contact.tags %}{{ forloop.index }}{{ t }}{% unless forloop.last %},{% endunless %}{% endfor %}", "1a,2b,3c"),
        ("{% case contact.attributes.n %}{% when 3 %}three{% else %}other{% endcase %}", "three"),
    ],
)
def test_values_are_escaped_in_html_and_filters_work(source: str, expected: str) -> None:
    assert Program(source, is_html=True).render(VALUES) == expected


def test_values_are_not_escaped_in_text() -> None:
    assert Program("{{ contact.first_name }} {{ '<&>' }} {{ contact.first_name | escape }}", is_html=False).render(VALUES) == (
        "Zoë <b> <&> Zoë <b>"
    )


@pytest.mark.parametrize(
    ("source", "code", "line", "words"),
    [
        ("a\n\n{{ contact.first_name | uppercase }}", "liquid.filter_unknown", 3, "uppercase"),
        ("a\n{% include 'x' %}", "liquid.tag_unknown", 2, "include"),
        ("a\n{% if contact %}\nb", "liquid.invalid", None, "endif"),
        ("a\nb {{ contact", "liquid.unclosed", 2, "}}"),
        ("{% assign contact = 1 %}", "liquid.name_taken", 1, "contact"),
        ("\n{% for i in (1..contact.n) %}{% endfor %}", "liquid.range", 2, "plain numbers"),
    ],
)
def test_a_fault_names_its_line_in_words_a_marketer_knows(source: str, code: str, line: int | None, words: str) -> None:
    with pytest.raises(TemplateRejected) as caught:
        Program(source, is_html=True)
    fault = caught.value.faults[0]
    assert (fault.code, words in fault.detail) == (code, True)
    assert line is None or (fault.line == line and f"Line {line}" in fault.detail)
