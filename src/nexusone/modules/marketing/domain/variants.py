"""A template and its variants by language: which one a contact gets, and whether all of them can be sent."""

from collections.abc import Mapping
from dataclasses import dataclass

from nexusone.kernel.locale import canonical_locale, fallback_chain

VARIANTS_MAX = 50
LENGTHS = {"subject": 200, "preheader": 250, "mjml": 256 * 1024, "text": 128 * 1024}


@dataclass(frozen=True, slots=True)
class Variant:
    """One language of a template. All four are Liquid; without `text` the text part is made from the HTML."""

    subject: str
    mjml: str
    preheader: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """Variants by canonical locale; the one of `default_locale` exists in every valid template."""

    default_locale: str
    variants: Mapping[str, Variant]


def choose_locale(template: Template, contact_locale: str | None) -> str:
    """The locale of the variant that a contact gets: the nearest along its fallback chain, the default at the end."""
    try:
        wanted = canonical_locale(contact_locale or template.default_locale)
    except ValueError:
        wanted = template.default_locale
    chain = fallback_chain(wanted, template.default_locale)
    return next(locale for locale in chain if locale in template.variants)
