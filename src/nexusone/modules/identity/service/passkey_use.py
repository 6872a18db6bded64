"""Using a passkey: the one place where an assertion is checked, whichever door it came through."""

from dataclasses import dataclass
from uuid import UUID

from nexusone.modules.identity.contracts.passkeys import PasskeyAssertion
from nexusone.modules.identity.domain.passkeys import PasskeyRefused, UsedPasskey, check_used, decode, is_counter_sound
from nexusone.modules.identity.service.mfa import known_passkey, party_of
from nexusone.modules.identity.store import passkeys
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context


@dataclass(frozen=True, slots=True)
class Proof:
    """Whose passkey it was, and what its use proves."""

    user_id: UUID
    used: UsedPasskey


async def use_passkey(
    ctx: Context, tx: Transaction, *, shown: PasskeyAssertion, challenge: bytes, user_id: UUID | None = None
) -> Proof | None:
    """Whose passkey answered this challenge (`user_id`: it must be theirs); None, with an entry in the trail, where it does not hold."""
    try:
        return await _check(ctx, tx, shown, challenge, user_id)
    except PasskeyRefused as refused:
        subject = str(user_id) if user_id else "unknown"
        await record(
            tx, action="identity.passkey.refused", object_kind="user", object_id=subject, after={"reason": str(refused)}, result="refused"
        )
        return None


async def _check(ctx: Context, tx: Transaction, shown: PasskeyAssertion, challenge: bytes, user_id: UUID | None) -> Proof:
    row = await passkeys.find_passkey(tx, credential_id=_credential_id(shown))
    if row is None or (user_id is not None and row.user_id != user_id):
        raise PasskeyRefused("a credential that nobody here has")
    answer = shown.model_dump(by_alias=True, exclude_none=True)
    used = check_used(party_of(ctx), answer, challenge=challenge, passkey=known_passkey(row))
    if used.user_handle is not None and used.user_handle != row.user_id.bytes:
        raise PasskeyRefused("the credential of another account")
    if not is_counter_sound(stored=row.sign_count, shown=used.sign_count):
        raise PasskeyRefused(f"the counter stands at {row.sign_count} and came as {used.sign_count}: there may be a copy of the key")
    await passkeys.use_passkey(tx, passkey_id=row.id, sign_count=used.sign_count, is_synced=used.is_synced, now=ctx.now())
    return Proof(row.user_id, used)


def _credential_id(shown: PasskeyAssertion) -> bytes:
    try:
        return decode(shown.raw_id)
    except ValueError as error:
        raise PasskeyRefused("a credential id that cannot be read") from error
