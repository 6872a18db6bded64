"""REST door of API keys."""

from uuid import UUID

from fastapi import Response

from nexusone.kernel.page import Page
from nexusone.modules.identity.contracts.api_keys import ApiKey, ApiKeyChange, ApiKeyRotation, IssuedApiKey, NewApiKey
from nexusone.modules.identity.service import api_keys
from nexusone.modules.identity.service.refusals import ApiKeyNotFound, KeyModeNotServed, PermissionNotHeld, StepUpNeeded
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.paging import Pager

door = Door("api_keys")


@door.post(
    "/api-keys",
    permission="api_keys:write",
    status=201,
    summary="Make a key for machines",
    refusals=(PermissionNotHeld, KeyModeNotServed, StepUpNeeded),
)
async def create_api_key(ctx: Caller, body: NewApiKey) -> IssuedApiKey:
    return await api_keys.create_api_key(ctx, wanted=body)


@door.get("/api-keys", permission="api_keys:read", summary="List the keys for machines")
async def list_api_keys(ctx: Caller, pager: Pager) -> Page[ApiKey]:
    return pager.page(await api_keys.list_api_keys(ctx, request=pager.request))


@door.patch(
    "/api-keys/{key_id}",
    permission="api_keys:write",
    summary="Rename a key, or change when it ends and from where it works",
    refusals=(ApiKeyNotFound,),
)
async def change_api_key(ctx: Caller, key_id: UUID, body: ApiKeyChange) -> ApiKey:
    return await api_keys.change_api_key(ctx, key_id=key_id, change=body)


@door.post(
    "/api-keys/{key_id}/rotate", permission="api_keys:write", summary="Give a key another secret", refusals=(ApiKeyNotFound, StepUpNeeded)
)
async def rotate_api_key(ctx: Caller, key_id: UUID, body: ApiKeyRotation) -> IssuedApiKey:
    return await api_keys.rotate_api_key(ctx, key_id=key_id, wanted=body)


@door.delete("/api-keys/{key_id}", permission="api_keys:write", status=204, summary="End a key for machines", refusals=(ApiKeyNotFound,))
async def revoke_api_key(ctx: Caller, key_id: UUID) -> Response:
    await api_keys.revoke_api_key(ctx, key_id=key_id)
    return Response(status_code=204)
