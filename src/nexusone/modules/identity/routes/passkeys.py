"""REST door of passkeys: making and removing one's own, and signing in with one alone."""

from uuid import UUID

from fastapi import Response

from nexusone.modules.identity.contracts.accounts import SignedIn
from nexusone.modules.identity.contracts.mfa import PasskeyAdded
from nexusone.modules.identity.contracts.passkeys import NewPasskey, PasskeyCeremony, PasskeySignIn
from nexusone.modules.identity.service import factors, passkeys
from nexusone.modules.identity.service.refusals import (
    FactorNotFound,
    FactorNotProved,
    LastFactorDemanded,
    PasskeyTaken,
    PasskeyUnknown,
    StepUpNeeded,
)
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC
from nexusone.web.rights import PERSONAL

door = Door("passkeys")


@door.post(
    "/auth/mfa/passkeys/options",
    permission=PERSONAL,
    key_use="none",
    summary="What the browser is asked to make a passkey",
    refusals=(StepUpNeeded,),
)
async def ask_for_new(ctx: Caller) -> PasskeyCeremony:
    return await passkeys.ask_for_new(ctx)


@door.post(
    "/auth/mfa/passkeys",
    permission=PERSONAL,
    key_use="none",
    status=201,
    summary="Keep the passkey that the browser made",
    refusals=(StepUpNeeded, FactorNotProved, PasskeyTaken),
)
async def add_passkey(ctx: Caller, body: NewPasskey) -> PasskeyAdded:
    return await passkeys.add_passkey(ctx, wanted=body)


@door.delete(
    "/auth/mfa/passkeys/{passkey_id}",
    permission=PERSONAL,
    status=204,
    summary="Remove a passkey",
    refusals=(StepUpNeeded, FactorNotFound, LastFactorDemanded),
)
async def remove_passkey(ctx: Caller, passkey_id: UUID) -> Response:
    await factors.remove_passkey(ctx, passkey_id=passkey_id)
    return Response(status_code=204)


@door.post("/auth/passkeys/options", permission=PUBLIC, summary="What the browser is asked to sign in with a passkey alone")
async def ask_for_sign_in(ctx: Caller) -> PasskeyCeremony:
    return await passkeys.ask_for_sign_in(ctx)


@door.post("/auth/passkeys/sign-in", permission=PUBLIC, summary="Open a session by a passkey alone", refusals=(PasskeyUnknown,))
async def sign_in(ctx: Caller, body: PasskeySignIn) -> SignedIn:
    return await passkeys.sign_in(ctx, wanted=body)
