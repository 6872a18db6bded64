"""How the composition asks marketing."""

from nexusone.modules.ai.contracts.publishing import Publication, PublicationRefused, Published
from nexusone.modules.marketing.service import drafting
from nexusone.platform.runtime import Context

__all__ = ["draft_template"]


async def draft_template(ctx: Context, publication: Publication) -> Published | PublicationRefused:
    """Drafts a template from what a pipeline publishes; the same key is one template. Sends nothing."""
    return await drafting.draft_template(ctx, publication)
