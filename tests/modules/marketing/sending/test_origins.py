"""AIA-02: mails of texts that models wrote say so, machine-readably."""

import email
import email.policy
from dataclasses import replace
from uuid import UUID

import pytest
from tests.modules.ai.scripted import scripted
from tests.modules.marketing.sending.shop import PRICE_MICROS, Shop, variant

from nexusone.kernel.ids import new_id
from nexusone.modules.ai.contracts.edits import NewEdit
from nexusone.modules.ai.contracts.generations import NewText
from nexusone.modules.ai.ports.text import TextModels
from nexusone.modules.ai.service import edits, generations
from nexusone.modules.marketing.contracts import NewCampaign, NewTemplate, TemplateChange, TemplateVariantChange
from nexusone.modules.marketing.service import campaigns, launching, templates
from nexusone.modules.marketing.service.refusals import TemplateFaulty
from nexusone.platform.origin import Principal


async def written(shop: Shop) -> UUID:
    """A text that a model wrote."""
    ports = {**shop.ctx.runtime.ports, TextModels: TextModels({"scripted": scripted()})}
    ctx = replace(shop.ctx, runtime=replace(shop.ctx.runtime, ports=ports))
    made = await generations.generate(ctx, wanted=NewText(prompt="Announce the lamp.", locale="de"))
    assert made.status == "succeeded"
    return made.id


@pytest.mark.parametrize("is_edited", [False, True])
async def test_aia_02_a_mail_of_a_generated_text_says_so_in_its_header(shop: Shop, is_edited: bool) -> None:
    await shop.add_credits(1_000_000_000)
    generation_id = await written(shop)
    if is_edited:
        person = Principal(kind="user", id=UUID(int=7), permissions=frozenset({"*"}))
        await edits.edit_generation(replace(shop.ctx, principal=person), generation_id=generation_id, wanted=NewEdit(output="Anders."))
    shop.add_contacts(1, locale="de", name="anna")
    shop.add_contacts(1, locale="en", name="eve")
    variants = {"en": variant("Hello", "en"), "de": variant("Hallo", "de").model_copy(update={"generation_id": generation_id})}
    template = await templates.create_template(shop.ctx, wanted=NewTemplate(name="Sale", default_locale="en", variants=variants))
    assert (template.variants["de"].generation_id, template.variants["en"].generation_id) == (generation_id, None)
    wanted = NewCampaign(
        name="Spring", template_id=template.id, segment_id=shop.add_segment(), from_name="Ada", from_email="news@engines.example"
    )
    campaign = await campaigns.create_campaign(shop.ctx, wanted=wanted)
    await launching.send(shop.ctx, campaign_id=campaign.id)
    await shop.drain()
    mails = {mail.recipient[:3]: email.message_from_bytes(mail.mime, policy=email.policy.default) for mail in shop.carrier.taken}
    assert mails["eve"]["X-AI-Generated"] is None
    said = dict(part.split("=", 1) for part in str(mails["ann"]["X-AI-Generated"]).split("; "))
    assert (said["model"], said["provider"], said["id"]) == ("writer-1", "scripted", str(generation_id))
    assert (said["human-edited"], said["time"].endswith("Z")) == ("yes" if is_edited else "no", True)


async def test_a_variant_names_no_generation_that_there_is_not(shop: Shop) -> None:
    await shop.add_credits(PRICE_MICROS)
    template = await shop.add_template()
    change = TemplateChange(variants={"de": TemplateVariantChange(generation_id=new_id())})
    with pytest.raises(TemplateFaulty) as refused:
        await templates.change_template(shop.ctx, template_id=template.id, change=change, expected_version=None)
    assert [error.pointer for error in refused.value.errors] == ["/variants/de/generation_id"]
