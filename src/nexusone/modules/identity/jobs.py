"""Later work of identity: the mails of the product itself, and forgetting what expired."""

from nexusone.modules.identity.contracts.mails import NoticeOrder, ResetOrder, VerificationOrder
from nexusone.modules.identity.service import deletion, devices, invitations, mail_orders, mailing
from nexusone.modules.identity.service.deletion import EXPORT_JOB, ExportOrder
from nexusone.modules.identity.service.invitations import SEND_INVITATION, InvitationOrder
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


async def send_invitation(ctx: Context, payload: InvitationOrder) -> None:
    """Mails an invitation; running twice voids the first link."""
    await invitations.send_invitation(ctx, order=payload)


async def export_workspace(ctx: Context, payload: ExportOrder) -> None:
    """Writes everything the workspace has into its files; running twice replaces the first."""
    await deletion.write_export(ctx.for_workspace(payload.workspace_id))


async def erase_due_workspaces(ctx: Context) -> None:
    """Erases the workspaces whose grace is over."""
    await deletion.erase_due(ctx)


async def forget_expired(ctx: Context) -> None:
    """Deletes expired sign-ups and resets, and devices nobody uses."""
    await mail_orders.forget_expired(ctx)
    await devices.forget_unseen(ctx)


SEND_VERIFICATION_MAIL = JobKind(name=SEND_VERIFICATION, payload=VerificationOrder, handler=send_verification)
SEND_RESET_MAIL = JobKind(name=SEND_RESET, payload=ResetOrder, handler=send_password_reset)
SEND_NOTICE_MAIL = JobKind(name=mailing.SEND_NOTICE, payload=NoticeOrder, handler=send_notice, is_completion=True, tends_workspace=True)
SEND_INVITATION_MAIL = JobKind(name=SEND_INVITATION, payload=InvitationOrder, handler=send_invitation, permission="members:write")
EXPORT_WORKSPACE = JobKind(
    name=EXPORT_JOB,
    payload=ExportOrder,
    handler=export_workspace,
    timeout_seconds=3 * 3600.0,
    permission="workspace:export",
    tends_workspace=True,
)
ERASE_WORKSPACES = Schedule(name="identity.erase_workspaces", cron="7 * * * *", handler=erase_due_workspaces)
FORGET_EXPIRED = Schedule(name="identity.forget_expired", cron="29 * * * *", handler=forget_expired)
