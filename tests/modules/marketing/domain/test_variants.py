"""Which language a contact gets, and what is wrong with a template."""

import pytest

from nexusone.modules.marketing.domain.template_rules import validate_template
from nexusone.modules.marketing.domain.variants import Template, Variant, choose_locale

BODY = "<mjml><mj-body><mj-section><mj-column><mj-text>Hi {{ contact.first_name }}</mj-text></mj-column></mj-section></mj-body></mjml>"
GOOD = Variant(subject="Hello {{ contact.first_name }}", mjml=BODY)


@pytest.mark.parametrize(
    ("contact_locale", "chosen"),
    [
        ("de-AT", "de"),
        ("de-CH", "de-CH"),
        ("pt_br", "pt-BR"),
        ("pt-PT", "en"),
        ("en-GB", "en"),
        ("fr", "en"),
        (None, "en"),
        ("", "en"),
        ("?!", "en"),
    ],
)
def test_a_contact_gets_the_nearest_language(contact_locale: str | None, chosen: str) -> None:
    template = Template("en", {"en": GOOD, "de": GOOD, "de-CH": GOOD, "pt-BR": GOOD})
    assert choose_locale(template, contact_locale) == chosen


def test_a_good_template_has_no_faults() -> None:
    arabic = Variant(
        subject="مرحبا", mjml=BODY, preheader="{{ contact.first_name }}", text="{{ contact.first_name }}: {{ unsubscribe_url }}"
    )
    assert validate_template(Template("en", {"en": GOOD, "ar": arabic})) == []


@pytest.mark.parametrize(
    ("template", "pointer", "code"),
    [
        (Template("de", {"en": GOOD}), "/default_locale", "template.default_missing"),
        (Template("en", {"en": GOOD, "deutsch": GOOD}), "/variants/deutsch", "template.locale_invalid"),
        (Template("en", {"en": Variant(" ", BODY)}), "/variants/en/subject", "template.empty"),
        (Template("en", {"en": Variant("s", "")}), "/variants/en/mjml", "template.empty"),
        (Template("en", {"en": Variant("a\nb", BODY)}), "/variants/en/subject", "template.line_break"),
        (Template("en", {"en": Variant("s" * 201, BODY)}), "/variants/en/subject", "template.too_long"),
        (Template("en", {"en": Variant("{{ x", BODY)}), "/variants/en/subject", "liquid.unclosed"),
        (Template("en", {"en": Variant("s", BODY, text="{% foo %}")}), "/variants/en/text", "liquid.tag_unknown"),
        (Template("en", {"en": Variant("s", BODY, preheader="{{ 1 | foo }}")}), "/variants/en/preheader", "liquid.filter_unknown"),
        (Template("en", {"en": Variant("s", "<p>no</p>")}), "/variants/en/mjml", "mjml.tag_unknown"),
    ],
)
def test_a_fault_points_at_its_field(template: Template, pointer: str, code: str) -> None:
    assert [(fault.pointer, fault.code) for fault in validate_template(template)] == [(pointer, code)]


def test_a_fault_in_mjml_names_the_line_that_was_written() -> None:
    mjml = "<mjml>\n<mj-body>\n<mj-section>\n<mj-colum></mj-colum>\n</mj-section></mj-body></mjml>"
    fault = validate_template(Template("en", {"en": Variant("s", mjml)}))[0]
    assert (fault.line, "mj-colum" in fault.detail) == (4, True)


def test_all_variants_are_checked() -> None:
    template = Template("en", {"en": Variant("{{ x", BODY), "de": Variant("", BODY)})
    assert [fault.pointer for fault in validate_template(template)] == ["/variants/en/subject", "/variants/de/subject"]
