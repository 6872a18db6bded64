"""Proving the ledger: balances against lines, transfers against zero, holds and grants against balances."""

from collections.abc import AsyncIterator
from uuid import UUID

from nexusone.modules.billing.contracts.ledger import LedgerDifference
from nexusone.modules.billing.store import verification
from nexusone.platform.runtime import Context

DIFFERENCES_MAX = 1000
WORKSPACES_PAGE = 1000


async def verify(ctx: Context) -> list[LedgerDifference]:
    """All differences in the ledger of the context's workspace; none when it is sound."""
    async with ctx.transaction("billing", statement_timeout_seconds=300) as tx:
        rows = await verification.list_differences(tx, workspace_id=ctx.workspace, limit=DIFFERENCES_MAX)
    return [
        LedgerDifference(
            workspace_id=ctx.workspace, part=row.part, subject=row.subject, expected_micros=row.expected, found_micros=row.found
        )
        for row in rows
    ]


async def verify_all(ctx: Context) -> AsyncIterator[tuple[UUID, list[LedgerDifference]]]:
    """Every workspace with an account, one by one, with its differences; takes the system context."""
    after: UUID | None = None
    while True:
        async with ctx.transaction("system") as tx:
            found = await verification.list_workspaces(tx, after=after, limit=WORKSPACES_PAGE)
        for workspace_id in found:
            yield workspace_id, await verify(ctx.for_workspace(workspace_id))
        if len(found) < WORKSPACES_PAGE:
            return
        after = found[-1]
