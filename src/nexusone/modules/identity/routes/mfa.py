"""REST door of second factors: challenges, step-up, authenticator apps, recovery codes, and what a workspace demands."""

from typing import Annotated

from fastapi import Body, Response

from nexusone.modules.identity.contracts.accounts import SignedIn
from nexusone.modules.identity.contracts.mfa import (
    FactorAdded,
    MfaAnswer,
    MfaChallenge,
    MfaPolicy,
    MfaState,
    RecoveryCodes,
    StepUp,
    TotpConfirmation,
    TotpEnrolment,
)
from nexusone.modules.identity.service import factors, mfa_policy, mfa_verification, recovery_codes, totp
from nexusone.modules.identity.service import step_up as stepping_up
from nexusone.modules.identity.service.refusals import (
    EnrolmentNeeded,
    FactorMissing,
    FactorNotFound,
    FactorNotProved,
    LastFactorDemanded,
    MfaAttemptOver,
    MfaRefused,
    NothingToConfirm,
    RoleNotFound,
    StepUpNeeded,
    WrongCredentials,
)
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC
from nexusone.web.rights import PERSONAL

TOTP_ANSWER = {"factor": "totp", "attempt": "nxm_0198c0de000070008000000000000000_c2VjcmV0", "code": "123456"}

door = Door("mfa")


@door.post("/auth/mfa/verify", permission=PUBLIC, summary="Answer a challenge by a second factor", refusals=(MfaAttemptOver, MfaRefused))
async def verify(ctx: Caller, body: Annotated[MfaAnswer, Body(examples=[TOTP_ANSWER])]) -> SignedIn:
    return await mfa_verification.verify(ctx, answer=body)


@door.post(
    "/auth/mfa/step-up", permission=PERSONAL, key_use="none", summary="Prove oneself anew", refusals=(WrongCredentials, StepUpNeeded)
)
async def step_up(ctx: Caller, body: StepUp) -> SignedIn | MfaChallenge:
    return await stepping_up.step_up(ctx, wanted=body)


@door.get("/auth/mfa", permission=PERSONAL, summary="One's own factors, and whether one is demanded")
async def state(ctx: Caller) -> MfaState:
    return await factors.state_of(ctx)


@door.post(
    "/auth/mfa/totp", permission=PERSONAL, key_use="none", status=201, summary="Begin with an authenticator app", refusals=(StepUpNeeded,)
)
async def enrol_totp(ctx: Caller) -> TotpEnrolment:
    return await totp.enrol(ctx)


@door.post(
    "/auth/mfa/totp/confirm",
    permission=PERSONAL,
    key_use="none",
    summary="Enrol the authenticator app by its first code",
    refusals=(StepUpNeeded, NothingToConfirm, FactorNotProved),
)
async def confirm_totp(ctx: Caller, body: TotpConfirmation) -> FactorAdded:
    return await totp.confirm(ctx, wanted=body)


@door.delete(
    "/auth/mfa/totp",
    permission=PERSONAL,
    status=204,
    summary="Remove the authenticator app",
    refusals=(StepUpNeeded, FactorNotFound, LastFactorDemanded),
)
async def remove_totp(ctx: Caller) -> Response:
    await factors.remove_totp(ctx)
    return Response(status_code=204)


@door.post(
    "/auth/mfa/recovery-codes",
    permission=PERSONAL,
    key_use="none",
    status=201,
    summary="Make new recovery codes; the old ones are void",
    refusals=(StepUpNeeded, FactorMissing),
)
async def replace_recovery_codes(ctx: Caller) -> RecoveryCodes:
    return await recovery_codes.replace_codes(ctx)


@door.get("/auth/mfa/policy", permission="mfa:read", summary="Of whom the workspace demands a second factor")
async def get_policy(ctx: Caller) -> MfaPolicy:
    return await mfa_policy.get_policy(ctx)


@door.put(
    "/auth/mfa/policy",
    permission="mfa:write",
    summary="Demand second factors of members",
    refusals=(StepUpNeeded, EnrolmentNeeded, RoleNotFound),
)
async def put_policy(ctx: Caller, body: MfaPolicy) -> MfaPolicy:
    return await mfa_policy.put_policy(ctx, wanted=body)
