"""REST door of an agency's pool and of what it charges its clients."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from nexusone.modules.billing.contracts.pools import Pool, PoolShare, PoolShareWish, PoolWish, RebillingStatement
from nexusone.modules.billing.service import pools
from nexusone.modules.billing.service.refusals_plans import ClientNotFound, NotInPlan
from nexusone.web.caller import Caller
from nexusone.web.door import Door

door = Door("pools")

Month = Annotated[str | None, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", description="A month such as 2026-08; the present one without.")]
CSV = {"responses": {"200": {"description": "One line a client", "content": {"text/csv": {"schema": {"type": "string"}}}}}}


@door.get("/agency/pool", permission="agency:read", summary="See the pool that clients draw on, and what they drew this month")
async def get_pool(ctx: Caller) -> Pool:
    return await pools.get_pool(ctx)


@door.put("/agency/pool", permission="agency:write", summary="Open or close the pool, and set its terms", refusals=(NotInPlan,))
async def put_pool(ctx: Caller, body: PoolWish) -> Pool:
    return await pools.put_pool(ctx, wanted=body)


@door.put("/agency/pool/{workspace_id}", permission="agency:write", summary="Set a client's part in the pool", refusals=(ClientNotFound,))
async def put_share(ctx: Caller, workspace_id: UUID, body: PoolShareWish) -> PoolShare:
    return await pools.put_share(ctx, client_id=workspace_id, wanted=body)


@door.get("/agency/rebilling", permission="agency:read", summary="See what clients used in a month, with the mark-up")
async def get_statement(ctx: Caller, month: Month = None) -> RebillingStatement:
    return await pools.get_statement(ctx, month=_first_day(month))


@door.get(
    "/agency/rebilling.csv",
    permission="agency:read",
    summary="Get what clients used in a month, with the mark-up, as CSV",
    response_class=Response,
    openapi_extra=CSV,
)
async def get_statement_csv(ctx: Caller, month: Month = None) -> Response:
    statement = await pools.get_statement(ctx, month=_first_day(month))
    name = f'attachment; filename="rebilling-{statement.month}.csv"'
    return Response(pools.statement_csv(statement), media_type="text/csv", headers={"Content-Disposition": name})


def _first_day(month: str | None) -> date | None:
    return None if month is None else date.fromisoformat(f"{month}-01")
