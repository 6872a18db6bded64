"""REST door of identity."""

from uuid import UUID

from fastapi import Response

from nexusone.kernel.page import Page
from nexusone.modules.identity.contracts import ApiKey, IssuedApiKey, Me, NewApiKey, Refresh, SignedIn, SignIn, SignUp
from nexusone.modules.identity.service import accounts, api_keys
from nexusone.modules.identity.service.refusals import (
    ApiKeyNotFound,
    EmailTaken,
    PermissionNotHeld,
    PersonNeeded,
    SessionEnded,
    WrongCredentials,
)
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import AUTHENTICATED, PUBLIC
from nexusone.web.paging import Pager

door = Door("identity")


@door.post("/auth/sign-up", permission=PUBLIC, status=201, summary="Make an account and its workspace", refusals=(EmailTaken,))
async def sign_up(ctx: Caller, body: SignUp) -> SignedIn:
    return await accounts.sign_up(ctx, wanted=body)


@door.post("/auth/sign-in", permission=PUBLIC, summary="Open a session", refusals=(WrongCredentials,))
async def sign_in(ctx: Caller, body: SignIn) -> SignedIn:
    return await accounts.sign_in(ctx, wanted=body)


@door.post("/auth/refresh", permission=PUBLIC, summary="Trade a refresh token for new tokens", refusals=(SessionEnded,))
async def refresh(ctx: Caller, body: Refresh) -> SignedIn:
    return await accounts.refresh(ctx, wanted=body)


@door.get("/me", permission=AUTHENTICATED, summary="Who the credential stands for")
async def me(ctx: Caller) -> Me:
    return await accounts.me(ctx)


@door.post(
    "/api-keys", permission="api_keys:write", status=201, summary="Make a key for machines", refusals=(PermissionNotHeld, PersonNeeded)
)
async def create_api_key(ctx: Caller, body: NewApiKey) -> IssuedApiKey:
    return await api_keys.create_api_key(ctx, wanted=body)


@door.get("/api-keys", permission="api_keys:read", summary="List the keys for machines")
async def list_api_keys(ctx: Caller, pager: Pager) -> Page[ApiKey]:
    return pager.page(await api_keys.list_api_keys(ctx, request=pager.request))


@door.delete(
    "/api-keys/{key_id}", permission="api_keys:write", status=204, summary="End a key for machines", refusals=(ApiKeyNotFound, PersonNeeded)
)
async def revoke_api_key(ctx: Caller, key_id: UUID) -> Response:
    await api_keys.revoke_api_key(ctx, key_id=key_id)
    return Response(status_code=204)
