"""RES-03: processes killed between any two steps of a charge and of a refund, then gone on with: money moves exactly once."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.conftest import TestDatabase
from tests.faults.conftest import ROOT
from tests.modules.billing.payments.shops import Shop

from nexusone.apps.providers import SandboxAddresses
from nexusone.kernel.ids import new_id
from nexusone.kernel.money import MICROS_PER_CREDIT
from nexusone.modules.billing.domain.payments import read_reference
from nexusone.modules.billing.ports import PaymentGateways, Trace
from nexusone.modules.billing.service import purchases
from nexusone.modules.billing.service.verification import verify
from nexusone.platform.vault import MasterKeys

BOUGHT = 100
GIVEN_BACK = 17
STEPS_LEAST = {"charge": 5, "refund": 6}
STEPS_MOST = 40


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts processes that are to be killed."""

    process: asyncio.subprocess.Process
    wanted: dict[str, str]

    async def died(self, **more: str) -> bool:
        """Starts one and kills it at its step; False where it came to its end before."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({**self.wanted, **more}).encode() + b"\n")
        await self.process.stdin.drain()
        word, pid = await self._heard()
        if word == "at":
            os.kill(pid, signal.SIGKILL)
        assert word in ("at", "done"), word
        assert (await self._heard())[0] == "over"
        return word == "at"

    async def _heard(self) -> tuple[str, int]:
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            async for line in self.process.stdout:
                word, _, pid = line.decode().strip().partition(" ")
                if word in ("at", "done", "over"):
                    return word, int(pid)
        raise AssertionError("the launcher ended")


@pytest.fixture
async def launcher(
    shop: Shop, database: TestDatabase, keys: MasterKeys, simulated: SandboxAddresses, tmp_path: Path
) -> AsyncIterator[Launcher]:
    environment = {"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PYTHONUTF8": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.payments_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        cwd=ROOT,
    )
    wanted = {
        "url": database.url,
        "keys": keys.to_json(),
        "data": str(tmp_path),
        "simulators": simulated.http,
        "workspace_id": str(shop.ctx.workspace),
    }
    try:
        yield Launcher(process, wanted)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(60):
            await process.communicate()


async def charged(shop: Shop) -> int:
    """How often the vendor has charged the company."""
    vendor = shop.composition.runtime.port(PaymentGateways).by_name[shop.gateway]
    now = datetime.now(UTC)
    listed = await vendor.list_payments(since=now - timedelta(hours=1), until=now + timedelta(hours=9))
    found = [read_reference(one.reference) for one in listed]
    return sum(reference is not None and reference[0] == shop.ctx.workspace for reference in found)


async def test_res_03_a_charge_killed_between_any_two_steps_is_one_charge_and_one_grant(shop: Shop, launcher: Launcher) -> None:
    await shop.saved()
    await shop.listen(is_deaf=True)
    charges, granted = await charged(shop), int((await shop.credits())["granted"])
    for step in range(1, STEPS_MOST):
        key, micros = new_id().hex, BOUGHT * MICROS_PER_CREDIT
        is_dead = await launcher.died(work="charge", key=key, micros=str(micros), until=str(step))
        # The event comes again, before the clock or after it.
        if step % 2:
            await shop.wait(minutes=2)
        await purchases.top_up_when_low(shop.ctx, key=key, credits_micros=micros)
        await shop.wait(minutes=2)
        assert await charged(shop) == charges + step, step
        assert int((await shop.credits())["granted"]) == granted + step * BOUGHT, step
        if not is_dead:
            break
    assert step > STEPS_LEAST["charge"]
    assert await verify(shop.ctx) == []


async def test_res_03_a_refund_killed_between_any_two_steps_gives_back_once(shop: Shop, launcher: Launcher) -> None:
    paid = await shop.bought()
    await shop.listen(is_deaf=True)
    total = (await shop.payment(paid))["amount"]["amount"]
    subject = await shop.subject(paid)
    vendor = shop.composition.runtime.port(PaymentGateways).by_name[shop.gateway]
    for step in range(1, STEPS_MOST):
        is_dead = await launcher.died(work="refund", payment_id=paid, amount=str(GIVEN_BACK), until=str(step))
        await shop.wait(minutes=2)
        seen = await vendor.find_payment(Trace(reference="", subject=subject, customer=None, since=datetime.now(UTC)))
        assert seen is not None
        assert sum(one.amount for one in seen.refunds if one.state == "succeeded") == step * GIVEN_BACK, step
        assert (await shop.payment(paid))["refunded"]["amount"] == step * GIVEN_BACK, step
        taken = 1000 * MICROS_PER_CREDIT * step * GIVEN_BACK // total
        left = await shop.credits()
        assert left["held"] == "0", step
        assert round(float(left["available"]) * MICROS_PER_CREDIT) == 2000 * MICROS_PER_CREDIT - taken, step
        if not is_dead:
            break
    assert step > STEPS_LEAST["refund"]
    assert await verify(shop.ctx) == []
