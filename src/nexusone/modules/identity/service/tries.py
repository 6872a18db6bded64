"""How often something may be tried: per account and per network, far below what the API allows in general.

The account's share is counted by a digest of the address, so that it is the same whether or not there is an account.
What others use up never keeps a known device out: it has a share of its own.
"""

from uuid import UUID

from nexusone.modules.identity.domain.credentials import digest_of
from nexusone.modules.identity.domain.places import network_of
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context

ACCOUNT_RATE = "20/15 minute"
NETWORK_RATE = "60/minute"
MAIL_RATE = "5/hour"
TOKEN_RATE = "60/minute"  # noqa: S105 - a rate


def account_limit(email: str, *, device_id: UUID | None = None, cost: int = 1) -> Limit:
    """The share of an account's address, or of a device that it knows."""
    if device_id is not None:
        return Limit(policy="sign-in-device", rate=rate(ACCOUNT_RATE), subject=device_id.hex, cost=cost)
    return Limit(policy="sign-in-account", rate=rate(ACCOUNT_RATE), subject=subject_of(email), cost=cost)


def network_limit(ctx: Context, policy: str, text: str = NETWORK_RATE) -> Limit:
    """The share of the caller's network."""
    return Limit(policy=policy, rate=rate(text), subject=network_of(ctx.ip))


def mail_limit(email: str) -> Limit:
    """The share of an address in mails that anybody can order to it."""
    return Limit(policy="mail-account", rate=rate(MAIL_RATE), subject=subject_of(email))


async def give_back(ctx: Context, limit: Limit) -> None:
    """Returns a try that was none: the one that succeeded."""
    await take(ctx, [Limit(policy=limit.policy, rate=limit.rate, subject=limit.subject, cost=-limit.cost)])


def subject_of(email: str) -> str:
    """What stands for an address in counters."""
    return digest_of(email).hex()[:32]


def token_limit(token_id: UUID) -> Limit:
    """The share of one token of a mail."""
    return Limit(policy="mail-token", rate=rate(ACCOUNT_RATE), subject=token_id.hex)
