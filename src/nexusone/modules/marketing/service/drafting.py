"""Templates that pipelines draft: written for a person to look at, sent by nobody."""

from collections.abc import Mapping

from pydantic import ValidationError

from nexusone.modules.ai.contracts.publishing import Publication, PublicationRefused, Published
from nexusone.modules.marketing.contracts import NewTemplate
from nexusone.modules.marketing.domain.drafted_mail import drafted_variant
from nexusone.modules.marketing.service.refusals import TemplateFaulty
from nexusone.modules.marketing.service.templates import create_template
from nexusone.platform.runtime import Context

PERMISSION = "templates:write"


async def draft_template(ctx: Context, publication: Publication) -> Published | PublicationRefused:
    """A template of `content`: name, default_locale, url; by locale the `texts`: subject, preheader, headline, body, call_to_action."""
    if not ctx.may(PERMISSION):
        return PublicationRefused(code="auth.forbidden", detail=f"whoever started it lacks {PERMISSION}")
    content = publication.content
    try:
        texts = content.get("texts")
        if not isinstance(texts, Mapping):
            raise ValueError("texts are objects by locale")
        url = str(content.get("url") or "")
        variants = {locale: drafted_variant(_spoken(said), url=url) for locale, said in texts.items()}
        wanted = NewTemplate.model_validate(
            {"name": content.get("name"), "default_locale": content.get("default_locale"), "variants": variants}
        )
        made = await create_template(ctx, wanted=wanted, template_id=publication.key)
    except (ValidationError, ValueError) as error:
        return PublicationRefused(code="content_invalid", detail=str(error)[:500])
    except TemplateFaulty as refusal:
        return PublicationRefused(code=refusal.code, detail="; ".join(error.detail for error in refusal.errors[:5]))
    return Published(kind="email_template", id=str(made.id), href=f"/v1/templates/{made.id}")


def _spoken(said: object) -> Mapping[str, object]:
    """The texts themselves, or what a step made them as."""
    found = said.get("output", said) if isinstance(said, Mapping) else said
    if not isinstance(found, Mapping):
        raise ValueError("the texts of a language are an object")
    return found
