"""Which texts of a template models wrote, and the header that says so."""

from collections.abc import Mapping
from uuid import UUID

from nexusone.kernel.errors import FieldError
from nexusone.modules.ai import api as ai
from nexusone.modules.marketing.service.refusals import TemplateFaulty
from nexusone.platform.runtime import Context

HEADER = "X-AI-Generated"
VariantTexts = Mapping[str, Mapping[str, str]]


async def check_sources(ctx: Context, variants: VariantTexts) -> None:
    """Every generation that a variant names is a text of this workspace that was made.

    Raises:
        TemplateFaulty: one is not.
    """
    faults = []
    for locale, generation_id in _named(variants).items():
        try:
            made = await ai.get_generation(ctx, generation_id=generation_id)
            is_text = (made.kind, made.status) == ("text", "succeeded")
        except ai.GenerationNotFound:
            is_text = False
        if not is_text:
            detail = "there is no such text that was generated"
            faults.append(FieldError(pointer=f"/variants/{locale}/generation_id", code="unknown", detail=detail))
    if faults:
        raise TemplateFaulty(errors=tuple(faults), count=len(faults))


async def origin_headers(ctx: Context, variants: VariantTexts) -> dict[str, dict[str, str]]:
    """By locale, the header of a variant that a model wrote: which one, of which provider, when, and whether a person changed it."""
    headers = {}
    for locale, generation_id in _named(variants).items():
        made = (await ai.get_generation(ctx, generation_id=generation_id)).provenance
        time = "unknown" if made.made_at is None else made.made_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        edited = "yes" if made.human_edited else "no"
        headers[locale] = {HEADER: f"model={made.model}; provider={made.provider}; time={time}; human-edited={edited}; id={generation_id}"}
    return headers


def _named(variants: VariantTexts) -> dict[str, UUID]:
    return {locale: UUID(variant["generation_id"]) for locale, variant in sorted(variants.items()) if variant.get("generation_id")}
