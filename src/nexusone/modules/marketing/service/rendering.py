"""Templates as mail: compiled once per text, tried out for one contact."""

from collections.abc import Mapping
from functools import lru_cache

from nexusone.kernel.liquid.faults import RenderFault
from nexusone.kernel.liquid.sandbox import NOW
from nexusone.modules.marketing.contracts import RenderedTemplate
from nexusone.modules.marketing.domain.headers import one_line
from nexusone.modules.marketing.domain.liquid import TRACKING, Program
from nexusone.modules.marketing.domain.mime import CompiledEmail
from nexusone.modules.marketing.domain.variants import LENGTHS, VARIANTS_MAX, Template, Variant
from nexusone.modules.marketing.service.refusals import TemplateNotRenderable
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings

# More than a variant may have links, so that link numbers of a message are unique over its variants.
LINKS_PER_VARIANT = 512
COMPILED_MAX = 4 * VARIANTS_MAX


def template_of(default_locale: str, variants: Mapping[str, Mapping[str, str]]) -> Template:
    """A stored version as the rules know it."""
    texts = {locale: {name: variants[locale][name] for name in LENGTHS if name in variants[locale]} for locale in sorted(variants)}
    return Template(default_locale, {locale: Variant(**found) for locale, found in texts.items()})


def compiled_variant(template: Template, locale: str) -> CompiledEmail:
    """The variant ready to be sent, its links numbered apart from the other variants'. Raises TemplateRejected."""
    return _compiled(template.variants[locale], locale, sorted(template.variants).index(locale) * LINKS_PER_VARIANT)


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(variant: Variant, locale: str, first_link: int) -> CompiledEmail:
    return CompiledEmail(variant, locale=locale, first_link=first_link)


def preview(
    ctx: Context, template: Template, *, locale: str, contact: Mapping[str, object], workspace: Mapping[str, object]
) -> RenderedTemplate:
    """The variant as a contact would see it, with its links as they were written.

    Raises:
        TemplateNotRenderable: it cannot be rendered with these values.
    """
    compiled, variant = compiled_variant(template, locale), template.variants[locale]
    values: dict[str, object] = {
        "contact": contact,
        "workspace": workspace,
        "campaign": {"name": ""},
        "unsubscribe_url": f"{ctx.setting(PlatformSettings).public_address}/u/preview",
        NOW: ctx.now(),
    }
    values[TRACKING] = {**{f"l{link.index}": link.resolve(values) or "#" for link in compiled.links}, "open": None}
    try:
        return RenderedTemplate(
            subject=one_line(Program(variant.subject, is_html=False).render(values)),
            preheader=one_line(Program(variant.preheader, is_html=False).render(values)),
            html=Program(compiled.html, is_html=True).render(values),
            text=Program(compiled.text, is_html=False).render(values),
            locale=locale,
        )
    except RenderFault as fault:
        raise TemplateNotRenderable(reason=fault.detail) from fault
