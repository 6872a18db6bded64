"""REST door of connections: a workspace's own accounts at AI vendors."""

from typing import Annotated

from fastapi import Path, Response

from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.connections import AiConnectionTest, AiConnectionWish, AiVendor
from nexusone.modules.ai.service import connections
from nexusone.modules.ai.service.refusals_connections import ConnectionInvalid, ConnectionNotFound, VendorUnknown
from nexusone.web.caller import Caller
from nexusone.web.door import Door

door = Door("ai_connections")

VendorName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]


@door.get("/ai-connections", permission="connections:read", summary="The AI vendors, and the workspace's own accounts there")
async def list_connections(ctx: Caller) -> Page[AiVendor]:
    return Page(items=await connections.list_vendors(ctx), next_cursor=None)


@door.put(
    "/ai-connections/{vendor}",
    permission="connections:write",
    summary="Connect the workspace's own account at a vendor",
    refusals=(VendorUnknown, ConnectionInvalid),
)
async def put_connection(ctx: Caller, vendor: VendorName, body: AiConnectionWish) -> AiVendor:
    """From then on generations of this vendor are made with the account, and the vendor bills the workspace."""
    return await connections.put_connection(ctx, vendor=vendor, wanted=body)


@door.delete(
    "/ai-connections/{vendor}",
    permission="connections:write",
    status=204,
    summary="Forget the workspace's own account at a vendor",
    refusals=(ConnectionNotFound,),
)
async def delete_connection(ctx: Caller, vendor: VendorName) -> Response:
    await connections.delete_connection(ctx, vendor=vendor)
    return Response(status_code=204)


@door.post(
    "/ai-connections/{vendor}/test",
    permission="connections:write",
    summary="Try whether the vendor takes the credentials",
    cost=10,
    refusals=(ConnectionNotFound,),
)
async def test_connection(ctx: Caller, vendor: VendorName) -> AiConnectionTest:
    return await connections.test_connection(ctx, vendor=vendor)
