"""REST door of single sign-on: a workspace's connections, and signing in through one."""

from typing import Annotated
from uuid import UUID

from fastapi import Cookie, Query, Response

from nexusone.kernel.errors import PaymentRequired, PreconditionFailed
from nexusone.kernel.page import Page
from nexusone.modules.identity.contracts.accounts import SignedIn
from nexusone.modules.identity.contracts.mfa import MfaChallenge
from nexusone.modules.identity.contracts.single_sign_on import (
    NewSsoConnection,
    SsoConnection,
    SsoConnectionChange,
    SsoFinish,
    SsoStart,
    SsoStarted,
    SsoStepUp,
)
from nexusone.modules.identity.service import sso_connections, sso_domains, sso_returning, sso_starting
from nexusone.modules.identity.service.refusals import (
    PeopleOnly,
    PermissionNotHeld,
    SsoAttemptOver,
    SsoConnectionExists,
    SsoConnectionNotFound,
    SsoDenied,
    SsoDomainNotAllowed,
    SsoEmailUnverified,
    SsoIssuerUnusable,
    SsoNotAMember,
    SsoNotSetUp,
    SsoNotTried,
    SsoProviderUnavailable,
    SsoTokenRefused,
    StepUpNeeded,
)
from nexusone.modules.identity.service.sso_returning import Returned
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC
from nexusone.web.paging import Pager
from nexusone.web.rights import PERSONAL

COOKIE = "__Host-nexusone-sso"
# What is appended to the address of a page that has no scripts is ignored; providers append what they like.
PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Signed in</title></head>'
    "<body><p>You are signed in. You can close this page and go on where you began.</p></body></html>"
)

door = Door("sso")
return_door = Door("sso", prefix="")

Words = Annotated[str | None, Query(max_length=4000)]


@door.post(
    "/sso-connections",
    permission="sso:write",
    status=201,
    summary="Connect an identity provider",
    refusals=(PaymentRequired, PermissionNotHeld, SsoIssuerUnusable, SsoProviderUnavailable, SsoConnectionExists, StepUpNeeded),
)
async def create_connection(ctx: Caller, body: NewSsoConnection, response: Response) -> SsoConnection:
    made = await sso_connections.create_connection(ctx, wanted=body)
    tag_version(response, made.version)
    return made


@door.get("/sso-connections", permission="sso:read", summary="List the connections to identity providers")
async def list_connections(ctx: Caller, pager: Pager) -> Page[SsoConnection]:
    return pager.page(await sso_connections.list_connections(ctx, request=pager.request))


@door.get("/sso-connections/{connection_id}", permission="sso:read", summary="One connection", refusals=(SsoConnectionNotFound,))
async def get_connection(ctx: Caller, connection_id: UUID, response: Response) -> SsoConnection:
    found = await sso_connections.get_connection(ctx, connection_id=connection_id)
    tag_version(response, found.version)
    return found


@door.patch(
    "/sso-connections/{connection_id}",
    permission="sso:write",
    summary="Change a connection, or demand its use",
    refusals=(SsoConnectionNotFound, PreconditionFailed, PermissionNotHeld, SsoNotTried, StepUpNeeded),
)
async def change_connection(
    ctx: Caller, connection_id: UUID, body: SsoConnectionChange, expected: ExpectedVersion, response: Response
) -> SsoConnection:
    changed = await sso_connections.change_connection(ctx, connection_id=connection_id, wanted=body, expected=expected)
    tag_version(response, changed.version)
    return changed


@door.delete(
    "/sso-connections/{connection_id}",
    permission="sso:write",
    status=204,
    summary="Delete a connection",
    refusals=(SsoConnectionNotFound, StepUpNeeded),
)
async def delete_connection(ctx: Caller, connection_id: UUID) -> Response:
    await sso_connections.delete_connection(ctx, connection_id=connection_id)
    return Response(status_code=204)


@door.post(
    "/sso-connections/{connection_id}/prove-domains",
    permission="sso:write",
    summary="Look for the proofs of a connection's domains",
    refusals=(SsoConnectionNotFound, StepUpNeeded),
)
async def prove_domains(ctx: Caller, connection_id: UUID) -> SsoConnection:
    return await sso_domains.prove_domains(ctx, connection_id=connection_id)


@door.post(
    "/auth/sso/start",
    permission=PUBLIC,
    summary="Begin to sign in through an identity provider",
    refusals=(SsoNotSetUp, SsoIssuerUnusable, SsoProviderUnavailable),
)
async def start(ctx: Caller, body: SsoStart, response: Response) -> SsoStarted:
    started = await sso_starting.start(ctx, wanted=body)
    response.set_cookie(COOKIE, started.binding, max_age=started.expires_in, path="/", secure=True, httponly=True, samesite="lax")
    return started


@door.post(
    "/auth/sso/step-up",
    permission=PERSONAL,
    key_use="none",
    summary="Begin to prove oneself anew through one's identity provider",
    refusals=(SsoNotSetUp, SsoIssuerUnusable, SsoProviderUnavailable, PeopleOnly),
)
async def step_up(ctx: Caller, body: SsoStepUp, response: Response) -> SsoStarted:
    started = await sso_starting.step_up(ctx, wanted=body)
    response.set_cookie(COOKIE, started.binding, max_age=started.expires_in, path="/", secure=True, httponly=True, samesite="lax")
    return started


@door.post(
    "/auth/sso/finish",
    permission=PUBLIC,
    summary="Open the session of a browser that came back",
    refusals=(SsoAttemptOver, SsoNotAMember),
)
async def finish(
    ctx: Caller, body: SsoFinish, response: Response, cookie: Annotated[str | None, Cookie(alias=COOKIE, max_length=300)] = None
) -> SignedIn | MfaChallenge:
    answer = await sso_returning.finish(ctx, wanted=body, cookie=cookie)
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


@return_door.get(
    "/auth/sso/{connection_id}/callback",
    permission=PUBLIC,
    summary="Where identity providers send browsers back to",
    refusals=(
        SsoAttemptOver,
        SsoDenied,
        SsoTokenRefused,
        SsoEmailUnverified,
        SsoDomainNotAllowed,
        SsoNotAMember,
        SsoIssuerUnusable,
        SsoProviderUnavailable,
    ),
    response_class=Response,
)
async def come_back(
    ctx: Caller,
    connection_id: UUID,
    state: Words = None,
    code: Words = None,
    iss: Words = None,
    error: Words = None,
    cookie: Annotated[str | None, Cookie(alias=COOKIE, max_length=300)] = None,
) -> Response:
    returned = Returned(connection_id=connection_id, state=state, code=code, issuer=iss, error=error, binding=cookie)
    target = await sso_returning.come_back(ctx, returned=returned)
    if target is not None:
        return Response(status_code=303, headers={"Location": target})
    return Response(PAGE, media_type="text/html")
