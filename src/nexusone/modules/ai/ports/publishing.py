"""Where pipelines publish to: modules above bring the targets, the composition puts them in."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from nexusone.modules.ai.contracts.publishing import Publication, PublicationRefused, Published
from nexusone.platform.runtime import Context

PublishTarget = Callable[[Context, Publication], Awaitable[Published | PublicationRefused]]
"""Takes content, once per key; refuses what it cannot use."""


@dataclass(frozen=True, slots=True)
class PublishTargets:
    """The targets by the name that steps call them."""

    by_name: Mapping[str, PublishTarget]
