"""Authenticator apps: a seed is made and shown once, and counts from the first code that proves it arrived."""

import secrets
from datetime import timedelta
from uuid import UUID

import segno

from nexusone.kernel.errors import Refusal
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.mfa import FactorAdded, TotpConfirmation, TotpEnrolment
from nexusone.modules.identity.domain.mfa import TOTP_SEED_BYTES, TRIES_MAX, totp_address, totp_step, write_seed
from nexusone.modules.identity.service.factors import factor_added
from nexusone.modules.identity.service.refusals import FactorNotProved, NothingToConfirm, WrongCredentials
from nexusone.modules.identity.service.seeds import open_seed, seal_seed
from nexusone.modules.identity.service.step_up import person_of, require_recent
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import accounts, factors
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

ISSUER = "NexusOne"


async def enrol(ctx: Context) -> TotpEnrolment:
    """Makes a seed that waits for its first code; an app that is enrolled already stays until then.

    Raises:
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    user_id = person_of(ctx)
    seed, factor_id = secrets.token_bytes(TOTP_SEED_BYTES), new_id()
    sealed = await seal_seed(ctx, user_id=user_id, factor_id=factor_id, seed=seed)
    seconds = ctx.setting(IdentitySettings).mfa_attempt_seconds
    async with ctx.transaction("identity") as tx:
        user = await accounts.find_user(tx, user_id=user_id)
        if user is None:
            raise WrongCredentials
        await factors.lock_user(tx, user_id=user_id)
        ends = ctx.now() + timedelta(seconds=seconds)
        await factors.insert_pending_totp(tx, factor_id=factor_id, user_id=user_id, sealed_seed=sealed, now=ctx.now(), expires_at=ends)
    return shown_seed(seed, account=user.email, issuer=ISSUER, seconds=seconds)


async def confirm(ctx: Context, *, wanted: TotpConfirmation) -> FactorAdded:
    """Enrols the app that shows this code, in the place of any before.

    Raises:
        NothingToConfirm: no app waits, its time is over, or its tries are.
        FactorNotProved: it shows another code.
        StepUpNeeded, PeopleOnly: as `require_recent`, with the time that the enrolment has besides.
    """
    settings = ctx.setting(IdentitySettings)
    require_recent(ctx, seconds=settings.step_up_seconds + settings.mfa_attempt_seconds)
    user_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        waiting = await factors.find_pending_totp(tx, user_id=user_id, now=ctx.now(), tries_max=TRIES_MAX)
    if waiting is None:
        raise NothingToConfirm
    seed = await open_seed(ctx, user_id=user_id, factor_id=waiting.id, sealed=waiting.sealed_seed)
    async with ctx.transaction("identity") as tx:
        outcome = await _confirm(ctx, tx, user_id=user_id, factor_id=waiting.id, step=totp_step(seed, wanted.code, now=ctx.now()))
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def shown_seed(seed: bytes, *, account: str, issuer: str, seconds: int) -> TotpEnrolment:
    """A seed as an app reads it, in text and as a picture, to be shown once."""
    address = totp_address(seed, account=account, issuer=issuer)
    picture = segno.make(address, error="m", micro=False).svg_inline(scale=4, border=4)
    return TotpEnrolment(secret=write_seed(seed), uri=address, qr_svg=picture, expires_in=seconds)


async def _confirm(ctx: Context, tx: Transaction, *, user_id: UUID, factor_id: UUID, step: int | None) -> FactorAdded | Refusal:
    # What is refused is answered, not raised: the try that it took must stay taken.
    await factors.lock_user(tx, user_id=user_id)
    if not await factors.take_totp_try(tx, factor_id=factor_id, user_id=user_id, now=ctx.now(), tries_max=TRIES_MAX):
        return NothingToConfirm()
    if step is None:
        return FactorNotProved()
    await factors.confirm_totp(tx, factor_id=factor_id, user_id=user_id, step=step, now=ctx.now())
    return await factor_added(ctx, tx, user_id=user_id, factor="totp", methods=("otp",))
