"""REST door of members, invitations and the handing over of a workspace."""

from uuid import UUID

from fastapi import Response

from nexusone.kernel.errors import PaymentRequired
from nexusone.kernel.page import Page
from nexusone.modules.identity.contracts.members import (
    Invitation,
    InvitationAnswer,
    Joined,
    Member,
    MemberChange,
    NewInvitation,
    NewTransfer,
    Transfer,
)
from nexusone.modules.identity.service import invitations, members
from nexusone.modules.identity.service.refusals import (
    AlreadyInvited,
    AlreadyMember,
    InvitationNotFound,
    InvitationSpent,
    LastOwner,
    MemberNotFound,
    RankTooHigh,
    RoleNotFound,
    StepUpNeeded,
    TransferNotFound,
)
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC
from nexusone.web.paging import Pager
from nexusone.web.rights import PERSONAL

door = Door("members")


@door.get("/members", permission="members:read", summary="List the members")
async def list_members(ctx: Caller, pager: Pager) -> Page[Member]:
    return pager.page(await members.list_members(ctx, request=pager.request))


@door.patch(
    "/members/{user_id}",
    permission="members:write",
    summary="Give a member another role",
    refusals=(MemberNotFound, RoleNotFound, RankTooHigh, LastOwner),
)
async def change_member(ctx: Caller, user_id: UUID, body: MemberChange) -> Member:
    return await members.change_member(ctx, user_id=user_id, change=body)


@door.delete(
    "/members/{user_id}",
    permission="members:write",
    status=204,
    summary="Remove a member",
    refusals=(MemberNotFound, RankTooHigh, LastOwner),
)
async def remove_member(ctx: Caller, user_id: UUID) -> Response:
    await members.remove_member(ctx, user_id=user_id)
    return Response(status_code=204)


@door.post("/members/leave", permission=PERSONAL, key_use="none", status=204, summary="Leave the workspace", refusals=(LastOwner,))
async def leave(ctx: Caller) -> Response:
    await members.leave(ctx)
    return Response(status_code=204)


@door.get("/invitations", permission="members:read", summary="List the invitations that still hold")
async def list_invitations(ctx: Caller, pager: Pager) -> Page[Invitation]:
    return pager.page(await invitations.list_invitations(ctx, request=pager.request))


@door.post(
    "/invitations",
    permission="members:write",
    status=201,
    summary="Invite somebody by mail",
    refusals=(PaymentRequired, RoleNotFound, RankTooHigh, AlreadyMember, AlreadyInvited),
)
async def invite(ctx: Caller, body: NewInvitation) -> Invitation:
    return await invitations.invite(ctx, wanted=body)


@door.delete(
    "/invitations/{invitation_id}",
    permission="members:write",
    status=204,
    summary="Withdraw an invitation",
    refusals=(InvitationNotFound,),
)
async def withdraw_invitation(ctx: Caller, invitation_id: UUID) -> Response:
    await invitations.withdraw_invitation(ctx, invitation_id=invitation_id)
    return Response(status_code=204)


@door.post("/invitations/accept", permission=PUBLIC, summary="Join with the token of an invitation", refusals=(InvitationSpent,))
async def accept_invitation(ctx: Caller, body: InvitationAnswer) -> Joined:
    return await invitations.accept_invitation(ctx, answer=body)


@door.get("/workspace/transfer", permission="members:read", summary="See who is offered the workspace", refusals=(TransferNotFound,))
async def get_transfer(ctx: Caller) -> Transfer:
    return await members.get_offer(ctx)


@door.post(
    "/workspace/transfer",
    permission="workspace:transfer",
    status=201,
    summary="Offer the workspace to another member",
    refusals=(MemberNotFound, StepUpNeeded),
)
async def offer_transfer(ctx: Caller, body: NewTransfer) -> Transfer:
    return await members.offer_ownership(ctx, wanted=body)


@door.post(
    "/workspace/transfer/accept",
    permission=PERSONAL,
    summary="Take over the workspace that is offered",
    refusals=(TransferNotFound, StepUpNeeded),
)
async def accept_transfer(ctx: Caller) -> Member:
    return await members.take_ownership(ctx)


@door.delete(
    "/workspace/transfer", permission="workspace:transfer", status=204, summary="Take the offer back", refusals=(TransferNotFound,)
)
async def withdraw_transfer(ctx: Caller) -> Response:
    await members.withdraw_offer(ctx)
    return Response(status_code=204)
