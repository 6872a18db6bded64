"""REST door of credits."""

from nexusone.kernel.page import Page
from nexusone.modules.billing.contracts.credits import Credits, LedgerEntry
from nexusone.modules.billing.service import balances
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("billing")


@door.get("/credits", permission="credits:read", summary="How many credits there are")
async def get_credits(ctx: Caller) -> Credits:
    return await balances.get_credits(ctx)


@door.get("/credits/entries", permission="credits:read", summary="List the lines of the credit ledger, newest first")
async def list_entries(ctx: Caller, pager: Pager) -> Page[LedgerEntry]:
    return pager.page(await balances.list_entries(ctx, request=pager.request))
