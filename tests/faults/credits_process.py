"""A process that holds, works, settles parts and settles, over and over; it says each step, and waits to be killed at the one named."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from nexusone.apps.compose import composed
from nexusone.modules.billing import api
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys

HOUR = timedelta(hours=1)


async def say(step: str, wanted: dict[str, str]) -> None:
    """Tells where it is; at the step that is waited for it goes no further."""
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()
    if step == wanted.get("until"):
        await asyncio.sleep(600)


async def work(ctx: Context, key: str, wanted: dict[str, str]) -> None:
    """One paid piece of work; with the same key again it goes on where it was."""
    await say("begun", wanted)
    await api.hold(ctx, key=key, amount_micros=10, purpose="text", expires_in=HOUR)
    await say("held", wanted)
    await api.settle_part(ctx, key=key, part_key="p", amount_micros=4)
    await say("part", wanted)
    if wanted.get("keeps"):
        await api.keep(ctx, key=key, until=ctx.now() + 2 * HOUR)
        await say("kept", wanted)
    await api.settle(ctx, key=key, amount_micros=3)
    await say("settled", wanted)


async def main(wanted: dict[str, str]) -> None:
    """Four workers at once, until killed, or one piece of work by its key."""
    settings = PlatformSettings(data=Path(wanted["data"]), database_connections=8)
    async with composed(settings, url=wanted["url"], keys=MasterKeys.from_json(wanted["keys"]), ports={}) as composition:
        ctx = composition.runtime.system(UUID(wanted["workspace_id"]))
        if key := wanted.get("key"):
            await work(ctx, key, wanted)
            return

        async def worker(name: int) -> None:
            for number in range(100_000):
                await work(ctx, f"{wanted['name']}:{name}:{number}", wanted)

        await asyncio.gather(*(worker(name) for name in range(4)))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
