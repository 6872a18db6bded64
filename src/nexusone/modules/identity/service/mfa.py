"""Second factors: what a person has, whether a sign-in asks for one, and what a challenge looks like."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.contracts.mfa import Factor, MfaChallenge
from nexusone.modules.identity.contracts.passkeys import PasskeyOptions
from nexusone.modules.identity.domain.credentials import digest_of
from nexusone.modules.identity.domain.mfa import write_attempt
from nexusone.modules.identity.domain.passkeys import KnownPasskey, RelyingParty, relying_party, request_options
from nexusone.modules.identity.service.mailing import app_url
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import factors, mfa, passkeys
from nexusone.modules.identity.store.factors import TotpRow
from nexusone.modules.identity.store.mfa import NewAttempt
from nexusone.modules.identity.store.passkeys import PasskeyRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

SECRET_BYTES = 32
CHALLENGE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Factors:
    """The second factors a person has."""

    totp: TotpRow | None
    passkeys: list[PasskeyRow]
    recovery_codes: int

    @property
    def count(self) -> int:
        """How many there are; recovery codes only stand in for others."""
        return len(self.passkeys) + (self.totp is not None)


async def challenge_for(
    ctx: Context,
    tx: Transaction,
    *,
    user_id: UUID,
    workspace_id: UUID,
    methods: tuple[str, ...] = ("pwd",),
    session_id: UUID | None = None,
) -> MfaChallenge | None:
    """What is asked of a person besides the first factor, which was proved by `methods`; None where they have no second one.

    Where the workspace demands one and there is none, the session that is opened can do nothing but enrol (AUTHN-09).
    `session_id` is the session that the new one takes the place of; without `methods` a passkey must prove two factors alone.
    """
    held = await find_factors(tx, user_id=user_id)
    offered = _offered(held, is_alone=not methods)
    if not offered:
        return None
    secret, challenge = secrets.token_urlsafe(SECRET_BYTES), secrets.token_bytes(CHALLENGE_BYTES)
    seconds = ctx.setting(IdentitySettings).mfa_attempt_seconds
    attempt = NewAttempt(
        workspace_id=workspace_id,
        id=new_id(),
        user_id=user_id,
        secret_hash=digest_of(secret),
        methods=list(methods),
        session_id=session_id,
        challenge=challenge if held.passkeys else None,
        now=ctx.now(),
        expires_at=ctx.now() + timedelta(seconds=seconds),
    )
    await mfa.insert_attempt(tx, attempt)
    return MfaChallenge(
        mfa_required=True,
        attempt=write_attempt(workspace_id=workspace_id, attempt_id=attempt.id, secret=secret),
        factors=offered,
        passkey_options=_asked_passkey(ctx, held, challenge, is_alone=not methods),
        expires_in=seconds,
    )


async def find_factors(tx: Transaction, *, user_id: UUID) -> Factors:
    """What a person has."""
    return Factors(
        totp=await factors.find_totp(tx, user_id=user_id),
        passkeys=await passkeys.list_passkeys(tx, user_id=user_id),
        recovery_codes=await factors.count_recovery_codes(tx, user_id=user_id),
    )


def party_of(ctx: Context) -> RelyingParty:
    """For whom passkeys of this deployment are made: where people use the product."""
    settings = ctx.setting(IdentitySettings)
    return relying_party(app_url(ctx), domain=settings.passkey_domain, origins=settings.passkey_origins)


def known_passkey(row: PasskeyRow) -> KnownPasskey:
    """A stored passkey, as its checks need it."""
    return KnownPasskey(row.credential_id, row.public_key, row.sign_count, row.transports)


def _offered(held: Factors, *, is_alone: bool) -> list[Factor]:
    if is_alone:
        return ["passkey"] if held.passkeys else []
    found: list[Factor] = []
    if held.totp is not None:
        found.append("totp")
    if held.passkeys:
        found.append("passkey")
    return [*found, "recovery_code"] if found and held.recovery_codes else found


def _asked_passkey(ctx: Context, held: Factors, challenge: bytes, *, is_alone: bool) -> PasskeyOptions | None:
    if not held.passkeys:
        return None
    known = [known_passkey(row) for row in held.passkeys]
    return request_options(party_of(ctx), challenge=challenge, known=known, must_verify_user=is_alone)
