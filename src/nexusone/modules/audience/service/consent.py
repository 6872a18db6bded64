"""What contacts have said they want to get."""

from typing import Literal
from uuid import UUID

from nexusone.modules.audience.events import ContactUnsubscribed
from nexusone.modules.audience.store import suppressions
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


async def record_unsubscribe(ctx: Context, *, contact_id: UUID, channel: Literal["email"], source: str, reason: str | None) -> bool:
    """Ends a contact's subscription, for good for its address; whether that changed anything."""
    async with ctx.transaction("audience") as tx:
        is_new = await suppressions.unsubscribe_email(
            tx, workspace_id=ctx.workspace, contact_id=contact_id, source=source, reason=reason, now=ctx.now()
        )
        if is_new:
            await publish(tx, ContactUnsubscribed(contact_id=contact_id, channel=channel, source=source))
    return is_new
