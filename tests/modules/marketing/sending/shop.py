"""A company with contacts, a segment, a template and credits, whose campaigns go to a carrier of the test's."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb
from tests.draining import drain
from tests.modules.marketing.sending.carrier import Carrier

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.modules.billing.api import get_balance
from nexusone.modules.billing.contracts.credits import Balance
from nexusone.modules.billing.service.grants import grant_alone
from nexusone.modules.marketing.contracts import Campaign, NewCampaign, NewTemplate, Template, TemplateVariant
from nexusone.modules.marketing.service import campaigns, launching, templates
from nexusone.modules.marketing.service.sending import closing, snapshot, turns
from nexusone.modules.marketing.service.sending.errands import LaneErrand
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.platform.runtime import Context

MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{hello} {{{{ contact.first_name | default: 'friend' }}}}</mj-text>"
    '<mj-button href="https://shop.example/{path}">Go</mj-button></mj-column></mj-section></mj-body></mjml>'
)
PRICE_MICROS = 10_000


def variant(hello: str, path: str) -> TemplateVariant:
    return TemplateVariant(subject=f"{hello} {{{{ contact.first_name }}}}", mjml=MJML.format(hello=hello, path=path))


@dataclass(frozen=True, slots=True)
class Shop:
    """A company. `clock` stands still until a test moves it."""

    ctx: Context
    composition: Composition
    carrier: Carrier
    clock: MovedClock
    admin_url: str

    def add_contacts(
        self, count: int, *, status: str = "subscribed", locale: str | None = None, name: str = "p", has_email: bool = True
    ) -> list[UUID]:
        """Contacts `p0@customer.example`, `p1@…`."""
        ids = [new_id() for _ in range(count)]
        with psycopg.connect(self.admin_url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "insert into audience.contact"
                " (workspace_id, id, created_at, updated_at, email, first_name, locale, email_status, attributes)"
                " values (%s, %s, now(), now(), %s, %s, %s, %s, %s)",
                [
                    (
                        self.ctx.workspace,
                        identifier,
                        f"{name}{number}@customer.example" if has_email else None,
                        f"{name.title()}{number}",
                        locale,
                        status,
                        Jsonb({"plan": "pro"}),
                    )
                    for number, identifier in enumerate(ids)
                ],
            )
        return ids

    async def add_credits(self, micros: int) -> None:
        """Grants credits."""
        await grant_alone(self.ctx, key=str(new_id()), amount_micros=micros, source="sign_up")

    async def balance(self) -> Balance:
        """The credits as they are."""
        return await get_balance(self.ctx)

    async def add_template(self) -> Template:
        """A template in English, German and Brazilian Portuguese."""
        variants = {"en": variant("Hello", "en"), "de": variant("Hallo", "de"), "pt-BR": variant("Olá", "pt")}
        return await templates.create_template(self.ctx, wanted=NewTemplate(name="Sale", default_locale="en", variants=variants))

    def add_segment(self) -> UUID:
        """A segment of everybody whose plan is pro."""
        identifier = new_id()
        definition = Jsonb({"attribute": "plan", "op": "eq", "value": "pro"})
        self.execute(
            "insert into audience.segment (workspace_id, id, name, definition, created_at, updated_at)"
            " values (%s, %s, 'Pro', %s, now(), now())",
            (self.ctx.workspace, identifier, definition),
        )
        return identifier

    async def add_campaign(self, *, segment_id: UUID | None = None) -> Campaign:
        """A draft to all pro contacts."""
        template = await self.add_template()
        wanted = NewCampaign(
            name="Spring",
            template_id=template.id,
            segment_id=segment_id or self.add_segment(),
            from_name="Ada's Engines",
            from_email="news@engines.example",
        )
        return await campaigns.create_campaign(self.ctx, wanted=wanted)

    async def prepared(self, contacts: int = 10) -> Campaign:
        """A campaign that is being sent, its lanes not yet run."""
        self.add_contacts(contacts)
        await self.add_credits(contacts * PRICE_MICROS)
        campaign = await self.add_campaign()
        await launching.send(self.ctx, campaign_id=campaign.id)
        await snapshot.prepare_campaign(self.ctx, campaign_id=campaign.id)
        return await self.campaign(campaign.id)

    async def campaign(self, campaign_id: UUID) -> Campaign:
        """The campaign as it is now."""
        return await campaigns.get_campaign(self.ctx, campaign_id=campaign_id)

    async def take_turn(self, campaign: Campaign, *, lane: int = 0) -> None:
        """One turn of a lane, without the queue."""
        present = await self.campaign(campaign.id)
        await turns.take_turn(self.ctx, errand=LaneErrand(campaign_id=campaign.id, lane=lane, epoch=present.version))

    async def close(self, campaign: Campaign) -> Campaign:
        """Closes a campaign, without the queue."""
        await closing.close_campaign(self.ctx, campaign_id=campaign.id)
        return await self.campaign(campaign.id)

    async def drain(self) -> None:
        """Works off all due jobs of the modules."""
        await drain(self.composition)

    def states(self, campaign: Campaign) -> Counter[str]:
        """How many deliveries are in which state."""
        rows = self.execute(
            "select d.state from marketing.delivery as d join marketing.campaign as c using (workspace_id, message_id) where c.id = %s",
            (campaign.id,),
        )
        return Counter(str(row[0]) for row in rows)

    def execute(self, statement: LiteralString, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Any SQL, as the superuser."""
        with psycopg.connect(self.admin_url, row_factory=tuple_row) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def with_settings(self, settings: MarketingSettings) -> "Shop":
        """The same shop under other settings."""
        runtime = self.ctx.runtime
        changed = replace(runtime, settings={**runtime.settings, MarketingSettings: settings})
        return replace(self, ctx=replace(self.ctx, runtime=changed), composition=replace(self.composition, runtime=changed))
