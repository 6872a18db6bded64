"""The audit trail from outside: verification and checkpoints, on the database and the blob store alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from nexusone.apps.compose import composed
from nexusone.apps.process import ground
from nexusone.platform.audit.checkpoints import take_checkpoints
from nexusone.platform.audit.sealing import seal_all
from nexusone.platform.audit.verification import Verdict, verify, verify_all
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings


async def verify_trails(settings: PlatformSettings, *, workspace_id: UUID | None, found: list[Verdict]) -> None:
    """Appends the verdict on one workspace's trail, or on every one."""
    async with _system(settings) as ctx:
        if workspace_id is not None:
            found.append(await verify(ctx.for_workspace(workspace_id)))
            return
        async for verdict in verify_all(ctx):
            found.append(verdict)


async def take_trail_checkpoints(settings: PlatformSettings) -> None:
    """Seals and signs every trail that went on."""
    async with _system(settings) as ctx:
        await seal_all(ctx)
        await take_checkpoints(ctx)


@asynccontextmanager
async def _system(settings: PlatformSettings) -> AsyncIterator[Context]:
    with ground(settings) as base:
        async with composed(base.settings, url=base.database.url, keys=base.keys, ports={}) as composition:
            yield composition.runtime.system()
