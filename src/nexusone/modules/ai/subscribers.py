"""What ai's own events make it do."""

from typing import Any

from nexusone.modules.ai.events import GenerationUnknown
from nexusone.modules.ai.service.endings import keep
from nexusone.platform.events import Subscriber
from nexusone.platform.runtime import Context


async def keep_credits_of_unknown(ctx: Context, event: GenerationUnknown) -> None:
    """Keeps what is held for it; the same event again changes nothing."""
    await keep(ctx, generation_id=event.generation_id)


SUBSCRIBERS: tuple[Subscriber[Any], ...] = (
    Subscriber(event=GenerationUnknown, name="ai.keep_credits_of_unknown", handler=keep_credits_of_unknown),
)
