"""A worker in a process of its own, run as a module; what it is to do comes as JSON in the first argument."""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from tests.conftest import LenientAuthorizer
from tests.faults.work import Ticked, work_kind

from nexusone.apps.compose import composed
from nexusone.apps.process import signalled, working
from nexusone.kernel.ids import new_id
from nexusone.platform.authorizer import Authorizer
from nexusone.platform.events import publish
from nexusone.platform.jobs import Schedule, Worker
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys


async def main(wanted: dict[str, str]) -> None:
    """Works until a signal."""

    async def tick(ctx: Context) -> None:
        async with ctx.for_workspace(new_id()).transaction("identity") as tx:
            await publish(tx, Ticked(kind=wanted["kind"], pid=os.getpid()))

    settings = PlatformSettings(data=Path(wanted["data"]), database_connections=8)
    ports: dict[type[object], object] = {Authorizer: LenientAuthorizer()}
    async with composed(settings, url=wanted["url"], keys=MasterKeys.from_json(wanted["keys"]), ports=ports) as composition:
        worker = Worker(
            runtime=composition.runtime,
            queue_url=wanted["url"],
            kinds=[work_kind(wanted["kind"])],
            schedules=[Schedule(name=wanted["kind"], cron=wanted["cron"], handler=tick)] if wanted.get("cron") else [],
            heartbeat_timeout=timedelta(seconds=float(wanted["heartbeat_seconds"])),
        )
        async with working(worker):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await signalled()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
