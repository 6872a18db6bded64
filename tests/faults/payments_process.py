"""Pays and gives back in processes that are to be killed: told by lines on stdin, one process for each.

A step is the end of a transaction or of a call of the vendor. At the step that is named the process says so and goes no further;
a process that comes to its end says that.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast
from uuid import UUID

from nexusone.apps.compose import composed
from nexusone.apps.providers import SandboxAddresses, build_ports
from nexusone.modules.billing.contracts.payments import NewRefund
from nexusone.modules.billing.ports import PaymentGateway, PaymentGateways
from nexusone.modules.billing.service import payments, payments_credits, purchases, refunds
from nexusone.platform.database import Database, Transaction
from nexusone.platform.origin import Origin
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys
from nexusone.providers.paypal.manifest import MANIFEST as PAYPAL
from nexusone.providers.stripe.manifest import MANIFEST as STRIPE


def say(word: str) -> None:
    sys.stdout.write(f"{word} {os.getpid()}\n")
    sys.stdout.flush()


@dataclass
class Steps:
    """Counts them, and stays for ever at the one named."""

    last: int
    passed: int = 0

    async def take(self) -> None:
        self.passed += 1
        if self.passed == self.last:
            say("at")
            await asyncio.sleep(600)


class SteppingDatabase(Database):
    """Each transaction is a step."""

    steps: Steps

    @asynccontextmanager
    async def transaction(self, module: str, *, origin: Origin, statement_timeout_seconds: int | None = None) -> AsyncIterator[Transaction]:
        async with super().transaction(module, origin=origin, statement_timeout_seconds=statement_timeout_seconds) as tx:
            yield tx
        await self.steps.take()


class SteppingGateway:
    """Each call is a step."""

    def __init__(self, gateway: object, steps: Steps) -> None:
        self._gateway, self._steps = gateway, steps

    def __getattr__(self, name: str) -> object:
        found = getattr(self._gateway, name)
        return self._stepping(found) if callable(found) else found

    def _stepping(self, call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def called(*args: object, **named: object) -> object:
            answer = await call(*args, **named)
            await self._steps.take()
            return answer

        return called


async def charge(ctx: Context, wanted: dict[str, str]) -> None:
    """Buys credits with the saved way to pay."""
    await purchases.top_up_when_low(ctx, key=wanted["key"], credits_micros=int(wanted["micros"]))


async def refund(ctx: Context, wanted: dict[str, str]) -> None:
    """Gives a part of a payment back, with its credits."""
    payment_id = UUID(wanted["payment_id"])
    await refunds.refund(ctx, payment_id=payment_id, wanted=NewRefund(amount=int(wanted["amount"]), reason=""))
    made = await payments.list_refunds(ctx, payment_id=payment_id)
    await payments_credits.take_back(ctx, refund_id=made[-1].id)


async def main(wanted: dict[str, str]) -> None:
    """One piece of work."""
    settings = PlatformSettings(data=Path(wanted["data"]), database_connections=2)
    sandbox = SandboxAddresses(http=wanted["simulators"], sockets={})
    ports = {**build_ports((STRIPE, PAYPAL), sandbox=sandbox, credentials={}), SandboxAddresses: sandbox}
    steps = Steps(last=int(wanted["until"]))
    async with composed(settings, url=wanted["url"], keys=MasterKeys.from_json(wanted["keys"]), ports=ports) as composition:
        runtime = composition.runtime
        known = runtime.port(PaymentGateways).by_name
        stepping = PaymentGateways({name: cast("PaymentGateway", SteppingGateway(one, steps)) for name, one in known.items()})
        database = SteppingDatabase(wanted["url"], connections_max=2)
        database.steps = steps
        await database.open()
        runtime = replace(runtime, database=database, ports={**runtime.ports, PaymentGateways: stepping})
        try:
            await (refund if wanted["work"] == "refund" else charge)(runtime.system(UUID(wanted["workspace_id"])), wanted)
        finally:
            await database.close()
            for gateway in known.values():
                await gateway.close()
    say("done")


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(main(json.loads(line)))
            os._exit(0)
        os.waitpid(child, 0)
        say("over")
