"""Later work of identity: the mails of the product itself, and forgetting what expired."""

from nexusone.modules.identity.contracts.mails import NoticeOrder, ResetOrder, VerificationOrder
from nexusone.modules.identity.service import devices, mail_orders, mailing
from nexusone.modules.identity.service.password_change import SEND_RESET
from nexusone.modules.identity.service.sign_up import SEND_VERIFICATION
from nexusone.platform.jobs import JobKind, Schedule
from nexusone.platform.runtime import Context


async def send_verification(ctx: Context, payload: VerificationOrder) -> None:
    """Mails the link that verifies an address; running twice voids the first link."""
    await mail_orders.send_verification(ctx, order=payload)


async def send_password_reset(ctx: Context, payload: ResetOrder) -> None:
    """Mails the link that lets a password be chosen; running twice voids the first link."""
    await mail_orders.send_reset(ctx, order=payload)


async def send_notice(ctx: Context, payload: NoticeOrder) -> None:
    """Mails what happened to an account."""
    await mailing.send_notice(ctx, order=payload)


async def forget_expired(ctx: Context) -> None:
    """Deletes expired sign-ups and resets, and devices nobody uses."""
    await mail_orders.forget_expired(ctx)
    await devices.forget_unseen(ctx)


SEND_VERIFICATION_MAIL = JobKind(name=SEND_VERIFICATION, payload=VerificationOrder, handler=send_verification)
SEND_RESET_MAIL = JobKind(name=SEND_RESET, payload=ResetOrder, handler=send_password_reset)
SEND_NOTICE_MAIL = JobKind(name=mailing.SEND_NOTICE, payload=NoticeOrder, handler=send_notice)
FORGET_EXPIRED = Schedule(name="identity.forget_expired", cron="29 * * * *", handler=forget_expired)
