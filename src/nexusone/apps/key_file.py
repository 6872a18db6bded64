"""The master keys of running processes: where they lie, and how a change reaches everyone within seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from nexusone.apps.compose import Composition
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import VaultLocked, VaultSettings, read_key_file

LOOK_EVERY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


def key_file_of(settings: PlatformSettings) -> Path | None:
    """The file with the master keys; None where they come from the environment."""
    vault = VaultSettings()
    return None if vault.keys is not None else vault.key_file or settings.data / "master.key"


@asynccontextmanager
async def following_keys(composition: Composition, path: Path | None) -> AsyncIterator[None]:
    """Takes up what is written into the key file, for as long as the block; without a file there is nothing to follow."""
    if path is None:
        yield
        return
    following = asyncio.create_task(_follow(composition, path))
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(composition: Composition, path: Path) -> None:
    seen = _mark(path)
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        found = _mark(path)
        if found is None or found == seen:
            continue
        seen = found
        try:
            keys = read_key_file(path, may_create=False)
        except (VaultLocked, ValueError, OSError) as error:
            _log.error("keys.unreadable", error=type(error).__name__)
            continue
        composition.use_keys(keys)
        _log.info("keys.taken_up", primary=keys.primary_id, keys=list(keys.ids))


def _mark(path: Path) -> tuple[int, int] | None:
    # The file is replaced as a whole, so another content is another inode.
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
