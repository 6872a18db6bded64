"""Mails about subscriptions: before a trial ends, when a payment failed, and when the last try did, in four languages."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.conftest import ContextMaker
from tests.modules.billing.subscriptions.subscribed import Company, company

from nexusone.kernel.ids import new_id
from nexusone.modules.billing.contracts.subscriptions import SubscriptionMailKind, SubscriptionMailOrder
from nexusone.modules.billing.service import subscriptions_mails
from nexusone.modules.billing.store import plans
from nexusone.modules.identity.ports import SystemMail, SystemMailer
from nexusone.modules.identity.store import accounts
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.platform.runtime import Context

KINDS: list[SubscriptionMailKind] = ["trial_ending", "payment_failed", "ended_unpaid"]


class Outbox:
    """A SystemMailer that keeps what it took."""

    def __init__(self) -> None:
        self.mails: list[SystemMail] = []

    async def send(self, mail: SystemMail) -> None:
        self.mails.append(mail)


def with_outbox(here: Company) -> tuple[Context, Outbox]:
    outbox = Outbox()
    runtime = here.ctx.runtime
    return replace(here.ctx, runtime=replace(runtime, ports={**runtime.ports, SystemMailer: outbox})), outbox


async def order(here: Company, kind: SubscriptionMailKind) -> SubscriptionMailOrder:
    async with here.ctx.transaction("billing") as tx:
        version = await plans.find_workspace_plan(tx, workspace_id=here.ctx.workspace)
    assert version is not None
    return SubscriptionMailOrder(
        kind=kind, plan_version_id=version.plan_version_id, zone="Europe/Berlin", day=datetime(2027, 2, 14, 23, tzinfo=UTC)
    )


@pytest.mark.parametrize("locale", ["en", "de", "es", "fr", "ar"])
@pytest.mark.parametrize("kind", KINDS)
async def test_each_mail_is_written_whole_in_the_language_of_who_is_billed(
    make_context: ContextMaker, kind: SubscriptionMailKind, locale: str
) -> None:
    here = await company(make_context, locale=locale)
    await here.subscribed()
    ctx, outbox = with_outbox(here)
    await subscriptions_mails.send_mail(ctx, order=await order(here, kind))
    (mail,) = outbox.mails
    name = {"de": "Einstieg", "es": "Inicial", "fr": "Essentiel"}.get(locale, "Starter")
    assert (mail.recipient, mail.locale) == ("accounts@example.com", "en" if locale == "ar" else locale)
    assert name in mail.subject
    assert "/billing" in mail.text
    assert "{" not in mail.subject + mail.text


async def test_the_day_is_that_of_the_workspace(make_context: ContextMaker) -> None:
    here = await company(make_context)
    await here.subscribed()
    ctx, outbox = with_outbox(here)
    await subscriptions_mails.send_mail(ctx, order=await order(here, "trial_ending"))
    assert outbox.mails[0].subject == "Your trial of Starter ends on Feb 15, 2027"


async def test_who_gave_no_address_is_written_to_as_the_owner(make_context: ContextMaker) -> None:
    here = await company(make_context, country=None)
    await here.start(is_trial=True)
    ctx, outbox = with_outbox(here)
    wanted = await order(here, "trial_ending")
    await subscriptions_mails.send_mail(ctx, order=wanted)
    assert outbox.mails == []
    person = UserRow(
        id=new_id(),
        email=f"{new_id()}@example.com",
        name="Ada",
        locale="fr",
        password_hash="x",
        created_at=ctx.now(),
        email_verified_at=None,
        disabled_at=None,
        session_generation=0,
    )
    async with ctx.transaction("identity") as tx:
        await accounts.insert_user(tx, person)
        await accounts.insert_member(tx, workspace_id=ctx.workspace, user_id=person.id, role="owner", now=ctx.now())
    await subscriptions_mails.send_mail(ctx, order=wanted)
    assert [(mail.recipient, mail.locale) for mail in outbox.mails] == [(person.email, "fr")]
