"""Granting credits."""

from datetime import datetime

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import credits_from_text
from nexusone.modules.billing.domain.amounts import AMOUNT_MICROS_MAX, check_amount, check_key
from nexusone.modules.billing.domain.sources import BURN_PRIORITY, GrantSource
from nexusone.modules.billing.events import CreditsGranted
from nexusone.modules.billing.service.bookings import Overtaken, book, repay
from nexusone.modules.billing.settings import BillingSettings
from nexusone.modules.billing.store import grants
from nexusone.modules.billing.store.grants import NewGrant
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context


async def grant_signup_credits(ctx: Context, *, key: str) -> None:
    """Grants a new workspace its first credits, once per key."""
    micros = credits_from_text(ctx.setting(BillingSettings).signup_credits)
    if micros > 0:
        await grant(ctx, key=key, amount_micros=micros, source="sign_up")


async def grant(
    ctx: Context, *, key: str, amount_micros: int, source: GrantSource, priority: int | None = None, expires_at: datetime | None = None
) -> None:
    """Grants credits once per key; overdraft is paid back from them first. `priority` defaults to the source's."""
    check_key(key)
    check_amount(amount_micros, least=1, most=AMOUNT_MICROS_MAX)
    wanted = NewGrant(
        workspace_id=ctx.workspace,
        key=key,
        source=source,
        priority=BURN_PRIORITY[source] if priority is None else priority,
        amount=amount_micros,
        now=ctx.now(),
        expires_at=expires_at,
        grant_id=new_id(),
        transfer_id=new_id(),
    )

    async def work(tx: Transaction) -> None:
        granted = await grants.grant(tx, wanted)
        if granted.is_known:
            return
        if not granted.is_booked:
            raise Overtaken
        if granted.owes:
            await repay(ctx, tx)
        await publish(tx, CreditsGranted(grant_id=wanted.grant_id, source=source, amount_micros=amount_micros))

    await book(ctx, work)
