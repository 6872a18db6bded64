"""Members: who is in a workspace, in which role, and whose it is."""

from datetime import timedelta
from uuid import UUID

from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.identity.contracts.members import Member, MemberChange, NewTransfer, Transfer
from nexusone.modules.identity.events import MemberRemoved, MemberRoleChanged, OwnershipOffered, OwnershipTransferred
from nexusone.modules.identity.service.refusals import LastOwner, MemberNotFound, TransferNotFound
from nexusone.modules.identity.service.rights import held, named
from nexusone.modules.identity.service.roles import choose_role, require_rank
from nexusone.modules.identity.service.step_up import person_of, require_recent
from nexusone.modules.identity.store import members
from nexusone.modules.identity.store.members import MemberRow, RoleChoice, TransferRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

OWNER = "owner"
TRANSFER_LIVES = timedelta(days=7)


async def list_members(ctx: Context, *, request: PageRequest) -> PageOf[Member]:
    """Members, in the order of their ids."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("identity") as tx:
        rows = await members.list_members(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(_member(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].user_id),) if len(rows) > request.limit else None)


async def change_member(ctx: Context, *, user_id: UUID, change: MemberChange) -> Member:
    """Gives a member another role, from their next request on.

    Raises:
        MemberNotFound, RoleNotFound: there is none.
        RankTooHigh: the member or the role may do more than the caller.
        LastOwner: the workspace would be without an owner.
    """
    async with ctx.transaction("identity") as tx:
        row = await _lock(ctx, tx, user_id)
        require_rank(ctx, held(row.role, row.permissions))
        choice = await choose_role(ctx, tx, change.role)
        if row.role == OWNER and choice.role != OWNER:
            await _require_another_owner(ctx, tx)
        await members.update_role_of(tx, workspace_id=ctx.workspace, user_id=user_id, choice=choice)
        role = named(choice.role, choice.custom_role_id)
        await publish(tx, MemberRoleChanged(user_id=user_id, former_role=named(row.role, row.custom_role_id), role=role))
        return _member(await _get(ctx, tx, user_id))


async def remove_member(ctx: Context, *, user_id: UUID) -> None:
    """Ends a membership with all its sessions.

    Raises:
        MemberNotFound: there is none.
        RankTooHigh: the member may do more than the caller.
        LastOwner: the workspace would be without an owner.
    """
    async with ctx.transaction("identity") as tx:
        row = await _lock(ctx, tx, user_id)
        require_rank(ctx, held(row.role, row.permissions))
        await _remove(ctx, tx, row, has_left=user_id == ctx.principal.id)


async def leave(ctx: Context) -> None:
    """Ends the caller's own membership.

    Raises:
        LastOwner: the workspace would be without an owner.
    """
    user_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        await _remove(ctx, tx, await _lock(ctx, tx, user_id), has_left=True)


async def offer_ownership(ctx: Context, *, wanted: NewTransfer) -> Transfer:
    """Offers the workspace to another member, who must say yes within seven days; an earlier offer is replaced.

    Raises:
        MemberNotFound: there is no such other member.
        StepUpNeeded: the caller has not proved themselves lately.
    """
    require_recent(ctx)
    giver_id, now = person_of(ctx), ctx.now()
    row = TransferRow(giver_id=giver_id, receiver_id=wanted.user_id, offered_at=now, expires_at=now + TRANSFER_LIVES)
    async with ctx.transaction("identity") as tx:
        await _get(ctx, tx, wanted.user_id)
        if wanted.user_id == giver_id:
            raise MemberNotFound
        await members.offer_transfer(tx, row, workspace_id=ctx.workspace)
        await publish(tx, OwnershipOffered(giver_id=giver_id, receiver_id=wanted.user_id))
        await conclude(tx, _transfer(row))
    return _transfer(row)


async def get_offer(ctx: Context) -> Transfer:
    """The offer that waits.

    Raises:
        TransferNotFound: there is none.
    """
    async with ctx.transaction("identity") as tx:
        row = await members.find_transfer(tx, workspace_id=ctx.workspace)
    if row is None or row.expires_at <= ctx.now():
        raise TransferNotFound
    return _transfer(row)


async def take_ownership(ctx: Context) -> Member:
    """The receiver's yes: they own the workspace from now on, and the giver is an admin.

    Raises:
        TransferNotFound: nothing is offered to the caller, or its giver is no owner any more.
        StepUpNeeded: the caller has not proved themselves lately.
    """
    require_recent(ctx)
    receiver_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        giver_id = await members.take_transfer(tx, workspace_id=ctx.workspace, receiver_id=receiver_id, now=ctx.now())
        if giver_id is None or giver_id not in await members.lock_owners(tx, workspace_id=ctx.workspace):
            raise TransferNotFound
        await members.update_role_of(tx, workspace_id=ctx.workspace, user_id=receiver_id, choice=RoleChoice(OWNER))
        await members.update_role_of(tx, workspace_id=ctx.workspace, user_id=giver_id, choice=RoleChoice("admin"))
        await publish(tx, OwnershipTransferred(giver_id=giver_id, receiver_id=receiver_id))
        answer = _member(await _get(ctx, tx, receiver_id))
        await conclude(tx, answer)
    return answer


async def withdraw_offer(ctx: Context) -> None:
    """Takes the offer back.

    Raises:
        TransferNotFound: there is none.
    """
    async with ctx.transaction("identity") as tx:
        if not await members.delete_transfer(tx, workspace_id=ctx.workspace):
            raise TransferNotFound
        await record(tx, action="identity.ownership.withdrawn", object_kind="workspace", object_id=str(ctx.workspace))


async def _remove(ctx: Context, tx: Transaction, row: MemberRow, *, has_left: bool) -> None:
    if row.role == OWNER:
        await _require_another_owner(ctx, tx)
    await members.delete_member(tx, workspace_id=ctx.workspace, user_id=row.user_id)
    await publish(tx, MemberRemoved(user_id=row.user_id, has_left=has_left))


async def _require_another_owner(ctx: Context, tx: Transaction) -> None:
    if len(await members.lock_owners(tx, workspace_id=ctx.workspace)) < 2:
        raise LastOwner


async def _lock(ctx: Context, tx: Transaction, user_id: UUID) -> MemberRow:
    # The owners' rows first, always: two owners who remove each other must not each wait for the other.
    await members.lock_owners(tx, workspace_id=ctx.workspace)
    row = await members.find_member(tx, workspace_id=ctx.workspace, user_id=user_id, is_locked=True)
    if row is None:
        raise MemberNotFound
    return row


async def _get(ctx: Context, tx: Transaction, user_id: UUID) -> MemberRow:
    row = await members.find_member(tx, workspace_id=ctx.workspace, user_id=user_id)
    if row is None:
        raise MemberNotFound
    return row


def _member(row: MemberRow) -> Member:
    return Member(
        user_id=row.user_id,
        email=row.email,
        name=row.name,
        role=named(row.role, row.custom_role_id),
        role_name=row.role_name or row.role,
        joined_at=row.created_at,
    )


def _transfer(row: TransferRow) -> Transfer:
    return Transfer(giver_id=row.giver_id, receiver_id=row.receiver_id, offered_at=row.offered_at, expires_at=row.expires_at)
