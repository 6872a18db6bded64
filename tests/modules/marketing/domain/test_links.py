"""Links are numbered in order and become holes; what is no web link stays as it is."""

import pytest

from nexusone.modules.marketing.domain.links import Link, LinkTable, track_html, track_text, with_pixel
from nexusone.modules.marketing.domain.liquid import Program


def tracked(html: str) -> tuple[str, list[str]]:
    table = LinkTable()
    return track_html(html, table), [link.target for link in table.links]


def test_links_become_holes_in_order_without_html_escapes() -> None:
    html, targets = tracked('<a href="https://a.example/?x=1&amp;y=2">A</a><a class="q" href=\'http://b.example/{{ contact.id }}\'>B</a>')
    assert html == '<a href="{{ tracking.l0 }}">A</a><a class="q" href="{{ tracking.l1 }}">B</a>'
    assert targets == ["https://a.example/?x=1&y=2", "http://b.example/{{ contact.id }}"]


@pytest.mark.parametrize("address", ["mailto:a@b.example", "tel:+491234", "#top", "{{ unsubscribe_url }}", "{{unsubscribe_url}}"])
def test_other_addresses_are_untouched(address: str) -> None:
    html, targets = tracked(f'<a href="{address}">x</a>')
    assert targets == []
    assert Program(html, is_html=True).render({"unsubscribe_url": "https://t/u"}) == f'<a href="{address}">x</a>'.replace(
        "{{ unsubscribe_url }}", "https://t/u"
    ).replace("{{unsubscribe_url}}", "https://t/u")


def test_a_link_that_needs_a_loop_keeps_its_own_checked_address() -> None:
    html, targets = tracked('{% for p in contact.items %}<a href="{{ p.url }}">x</a>{% endfor %}')
    assert targets == []
    items = [{"url": "https://a.example/?a=1&b=2"}, {"url": "javascript:alert(1)"}]
    rendered = Program(html, is_html=True).render({"contact": {"items": items}})
    assert rendered == '<a href="https://a.example/?a=1&amp;b=2">x</a><a href="#">x</a>'


def test_links_inside_conditional_comments_are_tracked_too() -> None:
    _html, targets = tracked('<!--[if mso]><v:roundrect href="https://a.example"></v:roundrect><![endif]-->')
    assert targets == ["https://a.example"]


@pytest.mark.parametrize(
    ("target", "resolved"),
    [
        ("https://a.example/{{ contact.id }}", "https://a.example/7"),
        ("{{ contact.url }}", None),
        ("{{ contact.good }}", "https://good.example"),
        ("https://a.example", "https://a.example"),
        ("https://a.example/{{ contact.broken }}", None),
        ("{{ contact.missing }}", None),
        ("https:{{ contact.missing }}", None),
        ("https://{{ contact.missing }}", None),
    ],
)
def test_a_link_resolves_to_a_web_address_or_to_nothing(target: str, resolved: str | None) -> None:
    contact = {"id": 7, "url": "javascript:alert(1)", "good": " https://good.example ", "broken": "a\r\nSet-Cookie: x"}
    assert Link(index=0, target=target).resolve({"contact": contact}) == resolved


def test_a_text_part_shares_the_numbers_of_the_html_part() -> None:
    table = LinkTable()
    track_html('<a href="https://a.example/{{ contact.id }}">x</a>', table)
    text = track_text("See https://a.example/{{ contact.id }}, (https://b.example/x). {{ unsubscribe_url }}", table)
    assert text == "See {{ tracking.l0 }}, ({{ tracking.l1 }}). {{ unsubscribe_url }}"
    assert [link.target for link in table.links] == ["https://a.example/{{ contact.id }}", "https://b.example/x"]


def test_the_pixel_shows_only_where_opens_are_tracked() -> None:
    program = Program(with_pixel("<body>x</body>"), is_html=True)
    assert '<img src="https://t/o"' in program.render({"tracking": {"open": "https://t/o"}})
    assert program.render({"tracking": {"open": None}}) == "<body>x</body>"
