"""The mails of one campaign, ready to be filled in for a recipient."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from nexusone.kernel.liquid.faults import RenderFault
from nexusone.modules.identity import api as identity
from nexusone.modules.marketing.domain.headers import Envelope, Mailbox, address_spec
from nexusone.modules.marketing.domain.mime import Mailing, RecipientFields
from nexusone.modules.marketing.domain.tokens import DeliveryIds
from nexusone.modules.marketing.domain.tracking import Tracking
from nexusone.modules.marketing.domain.variants import Template
from nexusone.modules.marketing.ports import OutgoingEmail
from nexusone.modules.marketing.service.origins import origin_headers
from nexusone.modules.marketing.service.rendering import compiled_variant, template_of
from nexusone.modules.marketing.service.tracking_keys import signing_key
from nexusone.modules.marketing.store import templates
from nexusone.modules.marketing.store.campaigns import CampaignRow
from nexusone.modules.marketing.store.deliveries import AddressedContact, ClaimedRow
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings


@dataclass(frozen=True, slots=True)
class Mailings:
    """One mailing for each variant."""

    workspace_id: UUID
    message_id: UUID
    sender: str
    by_locale: Mapping[str, Mailing]
    default_locale: str

    def render(self, row: ClaimedRow, contact: AddressedContact, *, moment: datetime) -> OutgoingEmail | RenderFault:
        """The finished message of one recipient, or what is wrong with it."""
        mailing = self.by_locale.get(row.variant) or self.by_locale[self.default_locale]
        delivery = DeliveryIds(self.workspace_id, self.message_id, row.contact_id, row.occurrence)
        try:
            recipient = address_spec(row.address)
            fields = RecipientFields(delivery=delivery, address=row.address, name=_name(contact), contact=values_of(row, contact))
            mime = mailing.render(fields, moment=moment)
        except RenderFault as fault:
            return fault
        return OutgoingEmail(message_id=mailing.message_id(delivery), envelope_from=self.sender, recipient=recipient, mime=mime)


async def open_mailings(ctx: Context, row: CampaignRow) -> Mailings:
    """Compiles what a campaign sends. Raises TemplateRejected, RenderFault: it was not checked before it was sent."""
    workspace = await identity.get_workspace(ctx)
    async with ctx.transaction("marketing") as tx:
        version = await templates.get_version(
            tx, workspace_id=ctx.workspace, template_id=row.template_id, version=row.template_version or 0
        )
    template = template_of(version.default_locale, version.variants)
    headers = await origin_headers(ctx, version.variants)
    tracking = Tracking(address=ctx.setting(PlatformSettings).public_address, key=signing_key(ctx.runtime.keys))
    envelope = _envelope(ctx, row, workspace_name=workspace.name)
    shared = ({"name": workspace.name}, {"id": str(row.id), "name": row.name})
    by_locale = await asyncio.to_thread(_bound, template, envelope, headers, tracking, *shared)
    return Mailings(
        workspace_id=ctx.workspace,
        message_id=row.message_id,
        sender=address_spec(row.from_email),
        by_locale=by_locale,
        default_locale=template.default_locale,
    )


def values_of(row: ClaimedRow, contact: AddressedContact) -> dict[str, object]:
    """A recipient as templates see it."""
    return {**contact._asdict(), "id": str(row.contact_id), "email": row.address}


def _bound(
    template: Template,
    envelope: Envelope,
    headers: Mapping[str, Mapping[str, str]],
    tracking: Tracking,
    workspace: Mapping[str, object],
    campaign: Mapping[str, object],
) -> dict[str, Mailing]:
    return {
        locale: compiled_variant(template, locale).bind(
            envelope=replace(envelope, headers=headers.get(locale, {})), tracking=tracking, workspace=workspace, campaign=campaign
        )
        for locale in template.variants
    }


def _envelope(ctx: Context, row: CampaignRow, *, workspace_name: str) -> Envelope:
    domain = address_spec(row.from_email).rpartition("@")[2]
    return Envelope(
        sender=Mailbox(row.from_email, row.from_name),
        domain=domain,
        list_id=f"{ctx.workspace.hex}.{domain}",
        list_name=workspace_name,
        feedback_id=f"{row.id.hex}:{ctx.workspace.hex}:campaign:nexusone",
    )


def _name(contact: AddressedContact) -> str:
    return " ".join(part for part in (contact.first_name, contact.last_name) if part)
