"""The vault: finds or makes data keys, keeps them briefly in memory, rotates what wraps them."""

import os
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from nexusone.kernel.clock import Clock
from nexusone.kernel.ids import new_id
from nexusone.platform.vault.data_key import DataKey
from nexusone.platform.vault.errors import KeyInUse, SealBroken, VaultLocked
from nexusone.platform.vault.key_file import read_key_file
from nexusone.platform.vault.key_store import KeyStore, WrappedKey
from nexusone.platform.vault.master_keys import KEY_BYTES, MasterKeys

CACHE_TIME_MAX = timedelta(minutes=5)
CACHE_SIZE = 4096
REWRAP_BATCH = 500
PURPOSE = re.compile(r"[a-z][a-z0-9_:-]{0,99}")


class VaultSettings(BaseSettings):
    """Where the master keys come from: `keys` (the JSON itself) if given, else `key_file`, made if allowed and nothing is sealed yet."""

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_VAULT_", frozen=True, extra="forbid", hide_input_in_errors=True)

    keys: SecretStr | None = None
    key_file: Path | None = None
    may_create_key_file: bool = True


@dataclass(frozen=True, slots=True)
class RewrapProgress:
    """Of `total` data keys under old master keys, `done` are under the primary and `broken` did not unwrap and were left."""

    total: int
    done: int
    broken: int


@dataclass(frozen=True, slots=True)
class MasterKeyUse:
    """A line of the key inventory: a master key and how many data keys it wraps. Not `is_present`: those are unreadable."""

    key_id: str
    is_primary: bool
    is_present: bool
    data_keys: int


class Vault:
    """Seals and opens fields with data keys that it fetches, makes and caches for at most five minutes."""

    def __init__(
        self,
        keys: MasterKeys,
        store: KeyStore,
        clock: Clock,
        *,
        cache_time: timedelta = CACHE_TIME_MAX,
        cache_size: int = CACHE_SIZE,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        if not timedelta(0) <= cache_time <= CACHE_TIME_MAX:
            raise ValueError("data keys are cached for at most five minutes")
        self.keys = keys
        self._store, self._clock, self._random = store, clock, random
        self._cache_time, self._cache_size = cache_time, cache_size
        self._cache: OrderedDict[tuple[UUID, str], tuple[datetime, DataKey]] = OrderedDict()

    async def key_of(self, workspace_id: UUID, *, purpose: str = "workspace") -> DataKey:
        """The workspace's data key, made at first use. `purpose` names another one, such as a data subject's.

        Raises: VaultLocked, SealBroken.
        """
        found = await self.find_key_of(workspace_id, purpose=purpose)
        if found is not None:
            return found
        fresh = self._wrap(secrets.token_bytes(KEY_BYTES), new_id(), workspace_id, purpose)
        return self._remember(await self._store.insert_key(fresh))

    async def find_key_of(self, workspace_id: UUID, *, purpose: str) -> DataKey | None:
        """The data key of that purpose if there is one; it is not made. Raises: VaultLocked, SealBroken."""
        if not PURPOSE.fullmatch(purpose):
            raise ValueError("a purpose is lower-case letters, digits, _ : and -")
        cached = self._find_cached(workspace_id, purpose)
        if cached is not None:
            return cached
        found = await self._store.find_key(workspace_id=workspace_id, purpose=purpose)
        return None if found is None else self._remember(found)

    def seal(self, key: DataKey, *, workspace_id: UUID, table: str, column: str, row_id: UUID | str, plaintext: bytes) -> bytes:
        """The ciphertext (45 bytes longer), bound to workspace, table, column, row and key."""
        _same_workspace(key, workspace_id, table, column, row_id)
        return key.seal(plaintext, table=table, column=column, row_id=row_id, random=self._random)

    def open(self, key: DataKey, *, workspace_id: UUID, table: str, column: str, row_id: UUID | str, ciphertext: bytes) -> bytes:
        """The plaintext. Raises: SealBroken where anything differs from the sealing."""
        _same_workspace(key, workspace_id, table, column, row_id)
        return key.open(ciphertext, table=table, column=column, row_id=row_id)

    def forget(self, workspace_id: UUID, *, purpose: str = "workspace") -> None:
        """Drops the key from memory, after it was deleted from the store."""
        self._cache.pop((workspace_id, purpose), None)

    def use(self, keys: MasterKeys) -> None:
        """Goes on with another set of master keys, as rotation rolls out."""
        self.keys = keys

    async def unlock(self) -> None:
        """Checks that every master key that data needs is here. Raises: VaultLocked with the missing `key_ids`."""
        missing = tuple(use.key_id for use in await self.inventory() if not use.is_present)
        if missing:
            raise VaultLocked(key_ids=missing)

    async def inventory(self) -> tuple[MasterKeyUse, ...]:
        """Every master key that is here or that data needs."""
        counts = await self._store.count_keys()
        ids = (*self.keys.ids, *sorted(set(counts) - set(self.keys.ids)))
        return tuple(MasterKeyUse(i, i == self.keys.primary_id, i in self.keys.ids, counts.get(i, 0)) for i in ids)

    async def rewrap_all(self, batch: int = REWRAP_BATCH) -> AsyncIterator[RewrapProgress]:
        """Wraps all data keys with the primary, `batch` at a time, reporting after each; may be stopped and run again.

        Raises: VaultLocked where a master key is missing.
        """
        uses = [use for use in await self.inventory() if not use.is_primary and use.data_keys]
        progress = RewrapProgress(total=sum(use.data_keys for use in uses), done=0, broken=0)
        for use in uses:
            async for done, broken in self._rewrap(use.key_id, batch):
                progress = RewrapProgress(progress.total, progress.done + done, progress.broken + broken)
                yield progress

    async def retire(self, key_id: str) -> MasterKeys:
        """The master keys without that one, put to use here. Raises: KeyInUse, ValueError where it is primary or unknown."""
        left = self.keys.without(key_id)
        count = (await self._store.count_keys()).get(key_id, 0)
        if count:
            raise KeyInUse(key_id=key_id, data_keys=count)
        self.use(left)
        return left

    async def _rewrap(self, kek_id: str, batch: int) -> AsyncIterator[tuple[int, int]]:
        after: UUID | None = None
        while rows := await self._store.list_keys_wrapped_with(kek_id, limit=batch, after=after):
            fresh = [row for row in map(self._rewrapped, rows) if row is not None]
            await self._store.rewrap(fresh, was=kek_id)
            after = rows[-1].id
            yield len(fresh), len(rows) - len(fresh)

    def _rewrapped(self, row: WrappedKey) -> WrappedKey | None:
        try:
            return self._wrap(self._unwrap(row), row.id, row.workspace_id, row.purpose)
        except SealBroken:
            return None

    def _wrap(self, secret: bytes, key_id: UUID, workspace_id: UUID, purpose: str) -> WrappedKey:
        wrapped = self.keys.wrap(secret, key_id=key_id, workspace_id=workspace_id, purpose=purpose)
        return WrappedKey(key_id, workspace_id, purpose, self.keys.primary_id, wrapped)

    def _unwrap(self, row: WrappedKey) -> bytes:
        place = {"kek_id": row.kek_id, "purpose": row.purpose}
        return self.keys.unwrap(row.wrapped, key_id=row.id, workspace_id=row.workspace_id, **place)

    def _find_cached(self, workspace_id: UUID, purpose: str) -> DataKey | None:
        entry = self._cache.get((workspace_id, purpose))
        if entry is None or not timedelta(0) <= self._clock.now() - entry[0] < self._cache_time:
            return None
        self._cache.move_to_end((workspace_id, purpose))
        return entry[1]

    def _remember(self, row: WrappedKey) -> DataKey:
        key = DataKey(key_id=row.id, workspace_id=row.workspace_id, secret=self._unwrap(row))
        place = (row.workspace_id, row.purpose)
        self._cache[place] = (self._clock.now(), key)
        self._cache.move_to_end(place)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return key


async def open_vault(settings: VaultSettings, store: KeyStore, clock: Clock) -> Vault:
    """The vault over `store`, its master keys read and checked against the data.

    Raises: VaultLocked with the `key_ids` that data needs and nobody gave, ValueError for unreadable keys.
    """
    needed = tuple(sorted(await store.count_keys()))
    vault = Vault(_master_keys(settings, needed), store, clock)
    await vault.unlock()
    return vault


def _master_keys(settings: VaultSettings, needed: tuple[str, ...]) -> MasterKeys:
    if settings.keys is not None:
        return MasterKeys.from_json(settings.keys.get_secret_value())
    if settings.key_file is None:
        raise ValueError("set NEXUSONE_VAULT_KEY_FILE or NEXUSONE_VAULT_KEYS")
    if needed and not settings.key_file.exists():
        raise VaultLocked(key_ids=needed, key_file=str(settings.key_file))
    return read_key_file(settings.key_file, may_create=settings.may_create_key_file)


def _same_workspace(key: DataKey, workspace_id: UUID, table: str, column: str, row_id: UUID | str) -> None:
    if key.workspace_id != workspace_id:
        raise SealBroken(f"{table}.{column} of row {row_id} in workspace {workspace_id} is not under key {key.id}")
