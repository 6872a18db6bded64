"""Recovery codes: a set of single-use codes, shown once and kept as digests."""

import secrets
from uuid import UUID

from nexusone.modules.identity.contracts.mfa import RecoveryCodes
from nexusone.modules.identity.domain.mfa import RECOVERY_CODE_BYTES, RECOVERY_CODES, recovery_digest, write_recovery_code
from nexusone.modules.identity.events import RecoveryCodesReplaced
from nexusone.modules.identity.service.mailing import notify
from nexusone.modules.identity.service.mfa import find_factors
from nexusone.modules.identity.service.refusals import FactorMissing
from nexusone.modules.identity.service.step_up import person_of, require_recent
from nexusone.modules.identity.store import factors
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


async def replace_codes(ctx: Context) -> RecoveryCodes:
    """Makes a new set; every code of the old one is void (AUTHN-11).

    Raises:
        FactorMissing: there is no factor that they could stand in for.
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    user_id = person_of(ctx)
    async with ctx.transaction("identity") as tx:
        await factors.lock_user(tx, user_id=user_id)
        if not (await find_factors(tx, user_id=user_id)).count:
            raise FactorMissing
        codes = await issue_codes(ctx, tx, user_id=user_id)
        await publish(tx, RecoveryCodesReplaced(user_id=user_id))
        await notify(ctx, tx, user_id=user_id, kind="recovery_codes_changed")
    return RecoveryCodes(codes=codes)


async def issue_codes(ctx: Context, tx: Transaction, *, user_id: UUID) -> list[str]:
    """A person's new set, in the place of any before."""
    codes = [write_recovery_code(secrets.token_bytes(RECOVERY_CODE_BYTES)) for _ in range(RECOVERY_CODES)]
    await factors.replace_recovery_codes(tx, user_id=user_id, hashes=[recovery_digest(code) for code in codes], now=ctx.now())
    return codes
