"""Passkeys: making one, and signing in with one alone."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.accounts import SignedIn
from nexusone.modules.identity.contracts.mfa import PasskeyAdded
from nexusone.modules.identity.contracts.passkeys import NewPasskey, Passkey, PasskeyCeremony, PasskeyOptions, PasskeySignIn
from nexusone.modules.identity.domain.credentials import digest_of
from nexusone.modules.identity.domain.mfa import read_ceremony, write_ceremony
from nexusone.modules.identity.domain.passkeys import (
    MadePasskey,
    PasskeyRefused,
    check_made,
    creation_options,
    methods_of,
    request_options,
)
from nexusone.modules.identity.service.factors import factor_added
from nexusone.modules.identity.service.mfa import CHALLENGE_BYTES, SECRET_BYTES, known_passkey, party_of
from nexusone.modules.identity.service.passkey_use import Proof, use_passkey
from nexusone.modules.identity.service.refusals import FactorNotProved, PasskeyTaken, PasskeyUnknown, WrongCredentials
from nexusone.modules.identity.service.sign_in import choose_workspace, finish_sign_in, may_enter
from nexusone.modules.identity.service.step_up import person_of, require_recent
from nexusone.modules.identity.service.tries import network_limit
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, factors, passkeys
from nexusone.modules.identity.store.passkeys import CeremonyRow, NewPasskeyRow
from nexusone.platform.database import Transaction
from nexusone.platform.limits import take
from nexusone.platform.runtime import Context

PASSKEYS_MAX = 50

Purpose = Literal["register", "sign_in"]


@dataclass(frozen=True, slots=True)
class _Ceremony:
    id: UUID
    secret: str
    challenge: bytes


async def ask_for_new(ctx: Context) -> PasskeyCeremony:
    """What the browser is asked to make a passkey of the caller's.

    Raises:
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    user_id = person_of(ctx)
    ceremony = _begin()
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user(tx, user_id=user_id)
        if user is None:
            raise WrongCredentials
        known = await passkeys.list_passkeys(tx, user_id=user_id)
        await _store(ctx, tx, ceremony, purpose="register", user_id=user_id)
    options = creation_options(
        party_of(ctx),
        user_handle=user_id.bytes,
        email=user.email,
        name=user.name,
        challenge=ceremony.challenge,
        known=[known_passkey(row) for row in known],
    )
    return _told(ctx, ceremony, options)


async def add_passkey(ctx: Context, *, wanted: NewPasskey) -> PasskeyAdded:
    """Keeps the passkey that the browser made.

    Raises:
        FactorNotProved: the ceremony was not this, is over or was answered, or the answer does not hold.
        PasskeyTaken: the passkey is registered already, or the account has as many as it may.
        StepUpNeeded, PeopleOnly: as `require_recent`, with the time that the ceremony has besides.
    """
    settings = ctx.setting(IdentitySettings)
    require_recent(ctx, seconds=settings.step_up_seconds + settings.mfa_attempt_seconds)
    user_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        outcome = await _add(ctx, tx, user_id, wanted)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


async def ask_for_sign_in(ctx: Context) -> PasskeyCeremony:
    """What the browser is asked of somebody who has not said who they are. Raises: RateLimited."""
    await take(ctx, [network_limit(ctx, "sign-in-network")])
    ceremony = _begin()
    async with ctx.transaction("identity") as tx:
        await _store(ctx, tx, ceremony, purpose="sign_in", user_id=None)
    return _told(ctx, ceremony, request_options(party_of(ctx), challenge=ceremony.challenge, known=(), must_verify_user=True))


async def sign_in(ctx: Context, *, wanted: PasskeySignIn) -> SignedIn:
    """Opens a session by a passkey alone, which is two factors: the device, and the finger, face or PIN it asked for.

    Raises:
        PasskeyUnknown: the ceremony is over or was answered, nobody has the passkey, or its answer does not hold.
        NotFound: the account does not belong to the wanted workspace.
        RateLimited: too many tries from this network.
    """
    await take(ctx, [network_limit(ctx, "sign-in-network")])
    async with ctx.transaction("identity") as tx:
        proof = await _prove(ctx, tx, wanted)
        user = await accounts.find_user(tx, user_id=proof.user_id) if proof is not None else None
    if proof is None or user is None or not may_enter(ctx, user):
        raise PasskeyUnknown
    inside = ctx.for_workspace(await choose_workspace(ctx, user_id=user.id, wanted=wanted.workspace_id))
    async with inside.transaction("identity") as tx:
        methods = methods_of(proof.used)
        return await finish_sign_in(inside, tx, user=user, workspace_id=inside.workspace, methods=methods, device=wanted.device)


async def _prove(ctx: Context, tx: Transaction, wanted: PasskeySignIn) -> Proof | None:
    ceremony = await _take(ctx, tx, wanted.ceremony, purpose="sign_in")
    proof = await use_passkey(ctx, tx, shown=wanted.credential, challenge=ceremony.challenge) if ceremony else None
    # Whose it is must come from the device as well: a credential that it finds by itself always says so.
    if proof is None or proof.used.user_handle is None or not proof.used.is_user_verified:
        return None
    return proof


async def _add(ctx: Context, tx: Transaction, user_id: UUID, wanted: NewPasskey) -> PasskeyAdded | Refusal:
    # What is refused is answered, not raised: the ceremony is over in any case.
    ceremony = await _take(ctx, tx, wanted.ceremony, purpose="register")
    made = _checked(ctx, wanted, ceremony) if ceremony is not None and ceremony.user_id == user_id else None
    if made is None:
        return FactorNotProved()
    await factors.lock_user(tx, user_id=user_id)
    row = _row_of(ctx, user_id, wanted, made)
    known = await passkeys.list_passkeys(tx, user_id=user_id)
    if len(known) >= PASSKEYS_MAX or not await passkeys.insert_passkey(tx, row):
        return PasskeyTaken()
    added = await factor_added(ctx, tx, user_id=user_id, factor="passkey", methods=("swk" if made.is_synced else "hwk",))
    shown = Passkey(id=row.id, name=row.name, is_synced=row.is_synced, created_at=row.now, used_at=None)
    return PasskeyAdded(session=added.session, recovery_codes=added.recovery_codes, passkey=shown)


def _checked(ctx: Context, wanted: NewPasskey, ceremony: CeremonyRow) -> MadePasskey | None:
    try:
        return check_made(party_of(ctx), wanted.credential.model_dump(by_alias=True, exclude_none=True), challenge=ceremony.challenge)
    except PasskeyRefused:
        return None


def _row_of(ctx: Context, user_id: UUID, wanted: NewPasskey, made: MadePasskey) -> NewPasskeyRow:
    return NewPasskeyRow(
        id=new_id(),
        user_id=user_id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=list(made.transports),
        authenticator=made.authenticator,
        is_synced=made.is_synced,
        name=wanted.name,
        now=ctx.now(),
    )


def _begin() -> _Ceremony:
    return _Ceremony(new_id(), secrets.token_urlsafe(SECRET_BYTES), secrets.token_bytes(CHALLENGE_BYTES))


async def _store(ctx: Context, tx: Transaction, ceremony: _Ceremony, *, purpose: Purpose, user_id: UUID | None) -> None:
    await passkeys.insert_ceremony(
        tx,
        ceremony_id=ceremony.id,
        user_id=user_id,
        purpose=purpose,
        secret_hash=digest_of(ceremony.secret),
        challenge=ceremony.challenge,
        now=ctx.now(),
        expires_at=ctx.now() + timedelta(seconds=ctx.setting(IdentitySettings).mfa_attempt_seconds),
    )


async def _take(ctx: Context, tx: Transaction, text: str, *, purpose: Purpose) -> CeremonyRow | None:
    reference = read_ceremony(text)
    if reference is None:
        return None
    return await passkeys.take_ceremony(tx, ceremony_id=reference.id, purpose=purpose, secret_hash=reference.digest, now=ctx.now())


def _told(ctx: Context, ceremony: _Ceremony, options: PasskeyOptions) -> PasskeyCeremony:
    return PasskeyCeremony(
        ceremony=write_ceremony(ceremony_id=ceremony.id, secret=ceremony.secret),
        options=options,
        expires_in=ctx.setting(IdentitySettings).mfa_attempt_seconds,
    )
