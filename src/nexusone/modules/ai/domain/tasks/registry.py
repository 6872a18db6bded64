"""The tasks there are, by name."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from nexusone.modules.ai.domain.tasks.ad_copy import AdCopy
from nexusone.modules.ai.domain.tasks.blog_post import BlogPost
from nexusone.modules.ai.domain.tasks.campaign_email import CampaignEmail
from nexusone.modules.ai.domain.tasks.image_prompt import ImagePrompt
from nexusone.modules.ai.domain.tasks.product_description import ProductDescription
from nexusone.modules.ai.domain.tasks.report_summary import ReportSummary
from nexusone.modules.ai.domain.tasks.rewrite_to_brand_voice import RewriteToBrandVoice
from nexusone.modules.ai.domain.tasks.segment_from_sentence import SegmentFromSentence
from nexusone.modules.ai.domain.tasks.seo_fields import SeoFields
from nexusone.modules.ai.domain.tasks.sms import Sms
from nexusone.modules.ai.domain.tasks.social_post import SocialPost
from nexusone.modules.ai.domain.tasks.task import ContentTask
from nexusone.modules.ai.domain.tasks.translation import Translation

TASKS: Final[Mapping[str, type[ContentTask]]] = {
    kind.name: kind
    for kind in (
        CampaignEmail,
        Sms,
        SocialPost,
        ProductDescription,
        SeoFields,
        BlogPost,
        AdCopy,
        Translation,
        RewriteToBrandVoice,
        ReportSummary,
        SegmentFromSentence,
        ImagePrompt,
    )
}


def stored_task(name: str, given: Mapping[str, JsonValue]) -> ContentTask:
    """A task as it was asked for."""
    return TASKS[name].model_validate(given, strict=False)
