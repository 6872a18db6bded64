"""What ai's own events make it do."""

from typing import Any

from nexusone.modules.ai.events import GenerationCanceled, GenerationFailed, GenerationSucceeded, GenerationUnknown
from nexusone.modules.ai.service.endings import keep
from nexusone.modules.ai.service.pipeline_advancing import GenerationEnded, advance_later
from nexusone.platform.events import Subscriber
from nexusone.platform.runtime import Context


async def keep_credits_of_unknown(ctx: Context, event: GenerationUnknown) -> None:
    """Keeps what is held for it; the same event again changes nothing."""
    await keep(ctx, generation_id=event.generation_id)


async def advance_run_of_generation(ctx: Context, event: GenerationEnded) -> None:
    """Lets the pipeline run that waits for it go on; the same event again changes nothing."""
    await advance_later(ctx, event=event)


SUBSCRIBERS: tuple[Subscriber[Any], ...] = (
    Subscriber(event=GenerationUnknown, name="ai.keep_credits_of_unknown", handler=keep_credits_of_unknown),
    Subscriber(event=GenerationSucceeded, name="ai.advance_run_of_succeeded_generation", handler=advance_run_of_generation),
    Subscriber(event=GenerationFailed, name="ai.advance_run_of_failed_generation", handler=advance_run_of_generation),
    Subscriber(event=GenerationCanceled, name="ai.advance_run_of_canceled_generation", handler=advance_run_of_generation),
    Subscriber(event=GenerationUnknown, name="ai.advance_run_of_unknown_generation", handler=advance_run_of_generation),
)
