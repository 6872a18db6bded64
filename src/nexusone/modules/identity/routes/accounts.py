"""REST door of identity."""

from nexusone.modules.identity.contracts.accounts import Me, Refresh, SignedIn, SignIn, SignUp
from nexusone.modules.identity.contracts.mfa import MfaChallenge
from nexusone.modules.identity.service import accounts, refreshing
from nexusone.modules.identity.service import sign_in as signing_in
from nexusone.modules.identity.service import sign_up as signing_up
from nexusone.modules.identity.service.refusals import (
    EmailTaken,
    RefreshSuperseded,
    SessionEnded,
    WrongCredentials,
)
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import AUTHENTICATED, PUBLIC

door = Door("identity")


@door.post("/auth/sign-up", permission=PUBLIC, status=201, summary="Make an account and its workspace", refusals=(EmailTaken,))
async def sign_up(ctx: Caller, body: SignUp) -> SignedIn:
    return await signing_up.sign_up(ctx, wanted=body)


@door.post("/auth/sign-in", permission=PUBLIC, summary="Open a session", refusals=(WrongCredentials,))
async def sign_in(ctx: Caller, body: SignIn) -> SignedIn | MfaChallenge:
    return await signing_in.sign_in(ctx, wanted=body)


@door.post("/auth/refresh", permission=PUBLIC, summary="Trade a refresh token for new tokens", refusals=(SessionEnded, RefreshSuperseded))
async def refresh(ctx: Caller, body: Refresh) -> SignedIn:
    return await refreshing.refresh(ctx, wanted=body)


@door.get("/me", permission=AUTHENTICATED, summary="Who the credential stands for")
async def me(ctx: Caller) -> Me:
    return await accounts.me(ctx)
