"""Workspaces with credits, clocks and plans for tests of the ledger."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from tests.conftest import TestDatabase

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.modules.billing import api
from nexusone.modules.billing.service import grants, overdraft
from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue
from nexusone.modules.billing.store import plans
from nexusone.platform.events import LoggedEvent, list_events_after
from nexusone.platform.origin import Principal, PrincipalKind
from nexusone.platform.runtime import Context, Runtime

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A workspace of its own whose clock can be moved."""

    ctx: Context
    clock: MovedClock

    async def available(self) -> int:
        """What can be spent."""
        return (await api.get_balance(self.ctx)).available_micros

    async def spend(self, amount_micros: int, *, held: int | None = None) -> None:
        """Holds and settles."""
        key = str(new_id())
        await api.hold(self.ctx, key=key, amount_micros=held or amount_micros, purpose="text", expires_in=HOUR)
        await api.settle(self.ctx, key=key, amount_micros=amount_micros)

    async def events(self, name: str) -> list[LoggedEvent]:
        """What was announced under a name."""
        found = await list_events_after(self.ctx, after=UUID(int=0), limit=1000)
        return [event for event in found if event.name == name]

    def somebody(self, kind: PrincipalKind) -> Context:
        """Somebody of a kind who has not asked before."""
        return replace(self.ctx, principal=Principal(kind=kind, id=new_id(), permissions=frozenset({"*"})))


async def ledger_of(runtime: Runtime, *amounts: int) -> Ledger:
    """A workspace with one grant for each amount."""
    clock = MovedClock(NOON)
    ctx = replace(runtime, clock=clock).system(new_id())
    for number, amount in enumerate(amounts):
        await grants.grant_alone(ctx, key=f"g{number}", amount_micros=amount, source="purchase")
    return Ledger(ctx, clock)


async def allow_overdraft(ctx: Context, database: TestDatabase, *, limit_micros: int) -> None:
    """A plan that allows overdraft, and a limit."""
    await ctx.runtime.port(PlanCatalogue).be_written(ctx.runtime.system())
    with psycopg.connect(database.admin_url) as admin:
        [(version_id,)] = admin.execute("select id from billing.plan_version where allows_overdraft order by id limit 1").fetchall()
    async with ctx.transaction("billing") as tx:
        await plans.set_workspace_plan(tx, workspace_id=ctx.workspace, plan_version_id=version_id, since=ctx.now())
        await overdraft.set_limit(ctx, tx, limit_micros=limit_micros)
