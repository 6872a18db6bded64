"""The credit ledger from outside: every account against its entries, on the database alone."""

from dataclasses import dataclass
from uuid import UUID

from nexusone.apps.compose import composed
from nexusone.apps.process import ground
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.contracts.ledger import LedgerDifference
from nexusone.platform.settings import PlatformSettings


@dataclass(slots=True)
class Audit:
    """How many ledgers were looked at, and where their books disagree."""

    ledgers: int
    differences: list[LedgerDifference]


async def verify_ledgers(settings: PlatformSettings, *, workspace_id: UUID | None, found: Audit) -> None:
    """Checks one workspace's ledger, or every one."""
    with ground(settings) as base:
        async with composed(base.settings, url=base.database.url, keys=base.keys, ports={}) as composition:
            system = composition.runtime.system()
            if workspace_id is not None:
                found.ledgers = 1
                found.differences += await billing.verify_ledger(system.for_workspace(workspace_id))
                return
            async for differences in billing.verify_ledgers(system):
                found.ledgers += 1
                found.differences += differences
