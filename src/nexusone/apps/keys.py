"""`nexusone keys`: the master keys, from which also the keys that sign access tokens are derived.

A key is added, then after a pause in which all running processes take it up it becomes primary, and then data keys are
wrapped anew. Nothing stops meanwhile: what was signed before goes on being honoured until its key is retired.
"""

import asyncio
import fcntl
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from nexusone.apps.compose import Composition, composed
from nexusone.apps.database import change_password_of_login
from nexusone.apps.key_file import LOOK_EVERY_SECONDS, key_file_of
from nexusone.apps.process import Ground, NotReady
from nexusone.platform.vault import MasterKeyUse, read_key_file, write_key_file

# Three looks of the slowest process.
PAUSE_SECONDS = 3 * LOOK_EVERY_SECONDS + 2.0


async def list_keys(base: Ground) -> tuple[MasterKeyUse, ...]:
    """Every master key that is here or that data needs."""
    async with _opened(base) as composition:
        return await composition.runtime.vault.inventory()


async def rotate(base: Ground, *, pause_seconds: float = PAUSE_SECONDS) -> str:
    """Adds a key, makes it primary once every running process has it, and wraps all data keys with it; answers its id.

    Raises:
        NotReady: the keys come from the environment, or another rotation is under way.
    """
    with _locked(base) as path:
        added = f"k_{secrets.token_hex(6)}"
        keys = read_key_file(path, may_create=False).with_key(added)
        write_key_file(path, keys)
        await asyncio.sleep(pause_seconds)
        keys = keys.with_primary(added)
        write_key_file(path, keys)
        async with _opened(base) as composition:
            composition.use_keys(keys)
            await _rewrap(composition)
    return added


async def retire(base: Ground, *, key_id: str) -> None:
    """Takes a key away: what was signed under it is refused within seconds.

    Raises:
        NotReady: it is primary, unknown, or the keys come from the environment.
        KeyInUse: data keys are still wrapped with it.
    """
    with _locked(base) as path:
        keys = read_key_file(path, may_create=False)
        try:
            keys.without(key_id)
        except ValueError as error:
            raise NotReady(str(error)) from error
        async with _opened(base) as composition:
            composition.use_keys(keys)
            left = await composition.runtime.vault.retire(key_id)
        if key_id == keys.founding_id:
            change_password_of_login(base.database, was=base.keys, to=left)
        write_key_file(path, left)


async def _rewrap(composition: Composition) -> None:
    async for progress in composition.runtime.vault.rewrap_all():
        if progress.broken:
            raise NotReady(f"{progress.broken} data keys do not open with the key they name and were left as they are")


@asynccontextmanager
async def _opened(base: Ground) -> AsyncIterator[Composition]:
    async with composed(base.settings, url=base.database.url, keys=base.keys, ports={}) as composition:
        yield composition


@contextmanager
def _locked(base: Ground) -> Iterator[Path]:
    path = key_file_of(base.settings)
    if path is None:
        raise NotReady("the master keys come from NEXUSONE_VAULT_KEYS: change them where that is kept, first adding, then making primary")
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NotReady("another change of the master keys is under way") from error
        yield path
