"""REST door of accounts: signing up, in and out, sessions, passwords."""

from typing import Any
from uuid import UUID

from starlette.responses import Response

from nexusone.kernel.errors import NotFound
from nexusone.modules.identity.contracts.accounts import (
    ChangePassword,
    ForgotPassword,
    MailOrdered,
    Me,
    PasswordChosen,
    Refresh,
    ResetPassword,
    Sessions,
    SignedIn,
    SignIn,
    SignUp,
    SignUpReceived,
    Verify,
)
from nexusone.modules.identity.contracts.mfa import MfaChallenge
from nexusone.modules.identity.service import accounts, own_sessions, password_change, refreshing
from nexusone.modules.identity.service import sign_in as signing_in
from nexusone.modules.identity.service import sign_up as signing_up
from nexusone.modules.identity.service.refusals import (
    EmailTaken,
    PeopleOnly,
    RefreshSuperseded,
    SessionEnded,
    SessionNotFound,
    SsoRequired,
    StepUpNeeded,
    TokenSpent,
    WrongCredentials,
)
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import AUTHENTICATED, PUBLIC

RECEIVED: dict[str, Any] = {
    "responses": {
        "202": {
            "description": "Where addresses are verified first: the same answer whether or not the address has an account",
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{SignUpReceived.__name__}"}}},
        }
    }
}

door = Door("identity")


@door.post(
    "/auth/sign-up",
    permission=PUBLIC,
    status=201,
    summary="Make an account and its workspace",
    refusals=(EmailTaken,),
    openapi_extra=RECEIVED,
)
async def sign_up(ctx: Caller, body: SignUp, response: Response) -> SignedIn | SignUpReceived:
    answer = await signing_up.sign_up(ctx, wanted=body)
    if isinstance(answer, SignUpReceived):
        response.status_code = 202
    return answer


@door.post("/auth/verify", permission=PUBLIC, status=201, summary="Open the account of a verified address", refusals=(TokenSpent,))
async def verify(ctx: Caller, body: Verify) -> SignedIn:
    return await signing_up.verify(ctx, shown=body)


@door.post("/auth/sign-in", permission=PUBLIC, summary="Open a session", refusals=(WrongCredentials, SsoRequired, NotFound))
async def sign_in(ctx: Caller, body: SignIn) -> SignedIn | MfaChallenge:
    return await signing_in.sign_in(ctx, wanted=body)


@door.post("/auth/refresh", permission=PUBLIC, summary="Trade a refresh token for new tokens", refusals=(SessionEnded, RefreshSuperseded))
async def refresh(ctx: Caller, body: Refresh) -> SignedIn:
    return await refreshing.refresh(ctx, wanted=body)


@door.post("/auth/sign-out", permission=AUTHENTICATED, status=204, summary="End the present session", refusals=(PeopleOnly,))
async def sign_out(ctx: Caller) -> None:
    await own_sessions.sign_out(ctx)


@door.get("/auth/sessions", permission=AUTHENTICATED, summary="One's own sessions", refusals=(PeopleOnly,))
async def list_sessions(ctx: Caller) -> Sessions:
    return await own_sessions.list_sessions(ctx)


@door.delete(
    "/auth/sessions/{session_id}",
    permission=AUTHENTICATED,
    status=204,
    summary="End one of one's own sessions",
    refusals=(SessionNotFound, PeopleOnly),
)
async def end_session(ctx: Caller, session_id: UUID) -> None:
    await own_sessions.end_session(ctx, session_id=session_id)


@door.post(
    "/auth/sessions/end-others", permission=AUTHENTICATED, status=204, summary="End all other sessions of one's own", refusals=(PeopleOnly,)
)
async def end_other_sessions(ctx: Caller) -> None:
    await own_sessions.end_other_sessions(ctx)


@door.post(
    "/auth/password",
    permission=AUTHENTICATED,
    status=204,
    summary="Change one's password",
    refusals=(WrongCredentials, StepUpNeeded, PeopleOnly),
    # A digest of the body, kept with an idempotency key, would let passwords be guessed at.
    key_use="none",
)
async def change_password(ctx: Caller, body: ChangePassword) -> None:
    await password_change.change_password(ctx, wanted=body)


@door.post("/auth/password/forgot", permission=PUBLIC, status=202, summary="Order a mail to choose a new password")
async def forgot_password(ctx: Caller, body: ForgotPassword) -> MailOrdered:
    return await password_change.order_reset(ctx, wanted=body)


@door.post("/auth/password/reset", permission=PUBLIC, summary="Choose a new password with a mail's token", refusals=(TokenSpent,))
async def reset_password(ctx: Caller, body: ResetPassword) -> PasswordChosen:
    return await password_change.reset_password(ctx, wanted=body)


@door.get("/me", permission=AUTHENTICATED, summary="Who the credential stands for")
async def me(ctx: Caller) -> Me:
    return await accounts.me(ctx)
