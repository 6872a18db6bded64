"""What makes a template valid: its variants, their lengths, their Liquid and their MJML."""

from collections.abc import Iterator

from nexusone.kernel.liquid.faults import RenderFault, TemplateFault, TemplateRejected
from nexusone.kernel.locale import canonical_locale

from .liquid import Program
from .masking import mask
from .mime import CompiledEmail
from .variants import LENGTHS, VARIANTS_MAX, Template, Variant


def validate_template(template: Template) -> list[TemplateFault]:
    """Everything wrong with a template, in the order of its variants; an empty list means that it can be sent."""
    faults = list(check_locales(template))
    for locale, variant in template.variants.items():
        found = list(check_lengths(variant)) or list(check_liquid(variant)) or list(check_mail(variant, locale=locale))
        faults += [TemplateFault(f"/variants/{locale}{fault.pointer}", fault.code, fault.detail, fault.line) for fault in found]
    return faults


def check_locales(template: Template) -> Iterator[TemplateFault]:
    if template.default_locale not in template.variants:
        yield TemplateFault(
            "/default_locale", "template.default_missing", f"There is no variant for the default language {template.default_locale}"
        )
    if len(template.variants) > VARIANTS_MAX:
        yield TemplateFault("/variants", "template.too_many_variants", f"A template has at most {VARIANTS_MAX} variants")
    for locale in (*template.variants, template.default_locale):
        try:
            is_canonical = canonical_locale(locale) == locale
        except ValueError:
            is_canonical = False
        if not is_canonical:
            yield TemplateFault(f"/variants/{locale}", "template.locale_invalid", f"{locale} is not a language tag such as de or pt-BR")


def check_lengths(variant: Variant) -> Iterator[TemplateFault]:
    for name, length_max in LENGTHS.items():
        value: str = getattr(variant, name)
        if len(value) > length_max:
            yield TemplateFault(f"/{name}", "template.too_long", f"{len(value):,} characters are more than the {length_max:,} that fit")
        if name in ("subject", "mjml") and not value.strip():
            yield TemplateFault(f"/{name}", "template.empty", "This must not be empty")
        if name in ("subject", "preheader") and len(value.splitlines()) > 1:
            yield TemplateFault(f"/{name}", "template.line_break", "This must be one line")


def check_liquid(variant: Variant) -> Iterator[TemplateFault]:
    """Liquid is read as it was written, so that its faults name the lines that the marketer sees."""
    for name in LENGTHS:
        try:
            masked = mask(getattr(variant, name), is_markup=name == "mjml")
            Program(masked.unmask(masked.text), is_html=name == "mjml")
        except TemplateRejected as rejection:
            yield from rejection.at(f"/{name}").faults


def check_mail(variant: Variant, *, locale: str) -> Iterator[TemplateFault]:
    try:
        CompiledEmail(variant, locale=locale)
    except TemplateRejected as rejection:
        yield from rejection.faults
    except RenderFault as fault:
        yield TemplateFault("/subject", fault.code, fault.detail)
