"""What a link's Liquid sees when it is resolved on the click: the contact as it is now."""

from nexusone.kernel.liquid.sandbox import NOW
from nexusone.modules.identity import api as identity
from nexusone.modules.marketing.domain.tokens import DeliveryIds
from nexusone.modules.marketing.store import contacts, engagement
from nexusone.platform.runtime import Context


async def values_for(ctx: Context, *, delivery: DeliveryIds) -> dict[str, object]:
    """The values of one delivery; those of a contact that is gone are empty."""
    workspace = await identity.get_workspace(ctx)
    async with ctx.transaction("marketing") as tx:
        contact = await contacts.find_contact(tx, workspace_id=ctx.workspace, contact_id=delivery.contact_id)
        sender = await engagement.find_sender(tx, delivery)
    return {
        "contact": {**contact._asdict(), "id": str(contact.id)} if contact else {},
        "workspace": {"name": workspace.name},
        "campaign": {"id": str(sender.campaign_id), "name": sender.campaign} if sender else {},
        NOW: ctx.now(),
    }
