"""What others' events make billing do."""

from nexusone.modules.billing.service.grants import grant_signup_credits
from nexusone.modules.identity.events import WorkspaceCreated
from nexusone.platform.events import Subscriber
from nexusone.platform.runtime import Context


async def open_ledger_for_new_workspace(ctx: Context, event: WorkspaceCreated) -> None:
    """Grants the first credits, once per event."""
    await grant_signup_credits(ctx.for_workspace(event.workspace_id), key=f"sign_up:{event.event_id}")


SUBSCRIBERS = (Subscriber(event=WorkspaceCreated, name="billing.open_ledger_for_new_workspace", handler=open_ledger_for_new_workspace),)
