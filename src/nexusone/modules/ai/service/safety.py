"""Judging what is asked and what was made, by the workspace's policy."""

from collections.abc import Mapping, Sequence

import structlog

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.judging import Moderator
from nexusone.modules.ai.ports.media import MediaFile
from nexusone.modules.ai.settings import AiSettings
from nexusone.platform.runtime import Context

JUDGED_BYTES_MAX = 4_000_000

_log = structlog.get_logger(__name__)


async def judge(ctx: Context, *, texts: Sequence[str] = (), images: Sequence[MediaFile] = ()) -> Mapping[str, object] | None:
    """What the moderator finds in them together; None where nothing is judged, by policy or for want of a moderator.

    A moderator that does not answer keeps nothing back where the policy only flags; where it refuses, what cannot be judged
    counts as flagged.
    """
    policy = ctx.setting(AiSettings).moderation
    if policy == "off" or Moderator not in ctx.runtime.ports:
        return None
    small = [image for image in images if len(image.content) <= JUDGED_BYTES_MAX]
    try:
        judgements = await ctx.port(Moderator).judge(texts=[text for text in texts if text.strip()], images=small)
    except (DefiniteFailure, UnknownOutcome) as error:
        _log.warning("generation.not_judged", error=str(error))
        return {"policy": policy, "is_flagged": policy == "refuse", "categories": ["not_judged"]}
    categories = sorted({category for judgement in judgements for category in judgement.categories})
    return {"policy": policy, "is_flagged": any(judgement.is_flagged for judgement in judgements), "categories": categories}


def both(asked: Mapping[str, object] | None, made: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """What was found in what was asked and in what was made, together."""
    if asked is None or made is None:
        return asked or made
    categories = {str(category) for found in (asked, made) if isinstance(found["categories"], list) for category in found["categories"]}
    return {**made, "is_flagged": bool(asked["is_flagged"] or made["is_flagged"]), "categories": sorted(categories)}


def is_refused(safety: Mapping[str, object] | None) -> bool:
    """Whether the policy keeps it back."""
    return safety is not None and safety["policy"] == "refuse" and bool(safety["is_flagged"])


def refusal_detail(safety: Mapping[str, object] | None) -> str:
    """Why it was kept back, in a sentence."""
    found = safety["categories"] if safety else ()
    categories = ", ".join(str(category) for category in found) if isinstance(found, list) else ""
    return f"the moderator objects to: {categories or 'it'}"
