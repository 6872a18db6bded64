"""Mails about subscriptions: ordered in the transaction of what they tell of, written and handed over by a job."""

from datetime import datetime

from nexusone.modules.billing.contracts.subscriptions import SubscriptionMailKind, SubscriptionMailOrder
from nexusone.modules.billing.service.plan_views import name_of
from nexusone.modules.billing.service.subscriptions_texts import wording
from nexusone.modules.billing.store import plans, profiles
from nexusone.modules.billing.store.subscriptions import SubscriptionRow
from nexusone.modules.identity import api as identity
from nexusone.modules.identity.contracts.mails import WrittenMail
from nexusone.platform.database import Transaction
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context

SEND_MAIL_JOB = "billing.send_subscription_mail"


async def order_mail(ctx: Context, tx: Transaction, row: SubscriptionRow, *, kind: SubscriptionMailKind, day: datetime | None) -> None:
    """Orders a mail to whoever pays; it leaves with the transaction's commit."""
    order = SubscriptionMailOrder(kind=kind, plan_version_id=row.plan_version_id, zone=row.zone, day=day)
    await enqueue_named(tx, [(SEND_MAIL_JOB, order)])


async def send_mail(ctx: Context, *, order: SubscriptionMailOrder) -> None:
    """Writes an ordered mail in the language of whoever is billed, or else of the workspace's owner, and hands it over."""
    async with ctx.transaction("billing") as tx:
        profile = await profiles.find_profile(tx, workspace_id=ctx.workspace)
        version = await plans.find_version(tx, version_id=order.plan_version_id)
        names = {row.code: row.names for row in await plans.list_plans(tx)}
    owner = await identity.find_owner(ctx) if profile is None else None
    recipient = profile.email if profile else owner.email if owner else None
    if recipient is None or version is None:
        return
    words = wording(profile.locale if profile else owner.locale if owner else ctx.locale, zone=order.zone)
    text = words.texts.mails[order.kind]
    values = {
        "plan": name_of(names[version.plan_code], words.locale),
        "day": words.day(order.day) if order.day else "",
        "link": f"{identity.app_url(ctx)}/billing",
    }
    mail = WrittenMail(
        recipient=recipient,
        locale=words.locale,
        subject=text.subject.format(**values),
        paragraphs=tuple(paragraph.format(**values) for paragraph in text.body),
        footer=words.line("footer"),
    )
    await identity.send_mail(ctx, mail=mail)
