"""REST door of the operators' realm, and of what a workspace sees of their visits."""

from uuid import UUID

from nexusone.kernel.errors import NotFound
from nexusone.kernel.page import Page
from nexusone.modules.identity.contracts.operators import (
    Elevation,
    NewVisit,
    OperatorChallenge,
    OperatorCode,
    OperatorSignedIn,
    OperatorSignIn,
    Visit,
    VisitBegun,
    VisitEnd,
)
from nexusone.modules.identity.service import operator_sign_in, operators
from nexusone.modules.identity.service.refusals import MfaAttemptOver, MfaRefused, StepUpNeeded, VisitNotFound, WrongCredentials
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC
from nexusone.web.paging import Pager
from nexusone.web.rights import OPERATOR

door = Door("operators")


@door.post("/operators/sign-in", permission=PUBLIC, summary="Begin an operator's sign-in", refusals=(WrongCredentials,))
async def sign_in(ctx: Caller, body: OperatorSignIn) -> OperatorChallenge:
    return await operator_sign_in.sign_in(ctx, wanted=body)


@door.post(
    "/operators/sign-in/verify",
    permission=PUBLIC,
    summary="Get a token for the operators' doors by a code",
    refusals=(MfaAttemptOver, MfaRefused),
)
async def verify(ctx: Caller, body: OperatorCode) -> OperatorSignedIn:
    return await operator_sign_in.verify(ctx, wanted=body)


@door.post(
    "/operators/visits",
    permission=OPERATOR,
    key_use="none",
    status=201,
    summary="Visit a workspace in a member's place",
    refusals=(NotFound,),
)
async def begin_visit(ctx: Caller, body: NewVisit) -> VisitBegun:
    return await operators.begin_visit(ctx, wanted=body)


@door.post(
    "/operators/visits/{visit_id}/token",
    permission=OPERATOR,
    key_use="none",
    summary="Get another token of a visit that is not over",
    refusals=(VisitNotFound,),
)
async def renew_visit(ctx: Caller, visit_id: UUID, body: VisitEnd) -> VisitBegun:
    return await operators.renew_visit(ctx, visit_id=visit_id, wanted=body)


@door.post(
    "/operators/visits/{visit_id}/elevate",
    permission=OPERATOR,
    key_use="none",
    summary="Let a visit change things, for a reason",
    refusals=(VisitNotFound, StepUpNeeded),
)
async def elevate_visit(ctx: Caller, visit_id: UUID, body: Elevation) -> Visit:
    return await operators.elevate_visit(ctx, visit_id=visit_id, wanted=body)


@door.post(
    "/operators/visits/{visit_id}/end",
    permission=OPERATOR,
    key_use="none",
    summary="End a visit before its time",
    refusals=(VisitNotFound,),
)
async def end_visit(ctx: Caller, visit_id: UUID, body: VisitEnd) -> Visit:
    return await operators.end_visit(ctx, visit_id=visit_id, wanted=body)


@door.get("/operator-visits", permission="audit:read", summary="List the operators' visits in the workspace")
async def list_visits(ctx: Caller, pager: Pager) -> Page[Visit]:
    return pager.page(await operators.list_visits(ctx, request=pager.request))
