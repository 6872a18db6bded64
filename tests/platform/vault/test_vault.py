"""The vault over a key store: caching, races, tenants, rotation, locking."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.platform.vault import (
    DataKey,
    KeyInUse,
    MasterKeys,
    SealBroken,
    Vault,
    VaultLocked,
    VaultSettings,
    WrappedKey,
    open_vault,
)

K1 = MasterKeys(primary_id="k1", keys={"k1": bytes(range(32))})


class MemoryKeyStore:
    def __init__(self) -> None:
        self.rows: dict[tuple[UUID, str], WrappedKey] = {}
        self.reads = 0
        self.first_in_race: WrappedKey | None = None

    async def find_key(self, *, workspace_id: UUID, purpose: str) -> WrappedKey | None:
        self.reads += 1
        return self.rows.get((workspace_id, purpose))

    async def insert_key(self, key: WrappedKey) -> WrappedKey:
        if self.first_in_race is not None:
            self.rows[self.first_in_race.workspace_id, self.first_in_race.purpose] = self.first_in_race
        return self.rows.setdefault((key.workspace_id, key.purpose), key)

    async def list_keys_wrapped_with(self, kek_id: str, *, limit: int, after: UUID | None = None) -> Sequence[WrappedKey]:
        rows = sorted((row for row in self.rows.values() if row.kek_id == kek_id), key=lambda row: row.id)
        return [row for row in rows if after is None or row.id > after][:limit]

    async def rewrap(self, keys: Sequence[WrappedKey], *, was: str) -> int:
        fitting = [key for key in keys if self.rows[key.workspace_id, key.purpose].kek_id == was]
        self.rows.update({(key.workspace_id, key.purpose): key for key in fitting})
        return len(fitting)

    async def count_keys(self) -> Mapping[str, int]:
        return Counter(row.kek_id for row in self.rows.values())


def clock() -> MovedClock:
    return MovedClock(datetime(2026, 1, 31, tzinfo=UTC))


def seal(vault: Vault, key: DataKey, row_id: UUID, plaintext: bytes) -> bytes:
    return vault.seal(key, workspace_id=key.workspace_id, table="t", column="c", row_id=row_id, plaintext=plaintext)


def open_(vault: Vault, key: DataKey, row_id: UUID, sealed: bytes) -> bytes:
    return vault.open(key, workspace_id=key.workspace_id, table="t", column="c", row_id=row_id, ciphertext=sealed)


async def test_a_key_is_made_at_first_use_and_another_process_finds_the_same() -> None:
    store, workspace, row = MemoryKeyStore(), new_id(), new_id()
    one, two = Vault(K1, store, clock()), Vault(K1, store, clock())
    sealed = seal(one, await one.key_of(workspace), row, b"canary")
    assert open_(two, await two.key_of(workspace), row, sealed) == b"canary"
    assert [b"canary" in found.wrapped for found in store.rows.values()] == [False]


async def test_the_loser_of_a_race_uses_the_winners_key() -> None:
    store, workspace = MemoryKeyStore(), new_id()
    winner = Vault(K1, MemoryKeyStore(), clock())
    won = await winner.key_of(workspace)
    store.first_in_race = WrappedKey(
        won.id, workspace, "workspace", "k1", K1.wrap(b"w" * 32, key_id=won.id, workspace_id=workspace, purpose="workspace")
    )
    assert (await Vault(K1, store, clock()).key_of(workspace)).id == won.id


async def test_another_workspaces_ciphertext_or_key_opens_nothing() -> None:
    vault, row = Vault(K1, MemoryKeyStore(), clock()), new_id()
    ours, theirs = await vault.key_of(new_id()), await vault.key_of(new_id())
    sealed = seal(vault, ours, row, b"canary")
    with pytest.raises(SealBroken):
        open_(vault, theirs, row, sealed)
    with pytest.raises(SealBroken):
        vault.open(ours, workspace_id=theirs.workspace_id, table="t", column="c", row_id=row, ciphertext=sealed)
    with pytest.raises(SealBroken):
        vault.seal(ours, workspace_id=theirs.workspace_id, table="t", column="c", row_id=row, plaintext=b"canary")


async def test_a_wrapped_key_moved_to_another_workspace_does_not_unwrap() -> None:
    store, ours, theirs = MemoryKeyStore(), new_id(), new_id()
    await Vault(K1, store, clock()).key_of(ours)
    stolen = store.rows[ours, "workspace"]
    store.rows[theirs, "workspace"] = WrappedKey(stolen.id, theirs, stolen.purpose, stolen.kek_id, stolen.wrapped)
    with pytest.raises(SealBroken):
        await Vault(K1, store, clock()).key_of(theirs)


async def test_a_data_subjects_key_is_its_own() -> None:
    vault, workspace, row = Vault(K1, MemoryKeyStore(), clock()), new_id(), new_id()
    subject = await vault.key_of(workspace, purpose=f"subject:{new_id()}")
    with pytest.raises(SealBroken):
        open_(vault, await vault.key_of(workspace), row, seal(vault, subject, row, b"canary"))


async def test_a_key_is_cached_for_five_minutes_and_then_read_again() -> None:
    store, time, workspace = MemoryKeyStore(), clock(), new_id()
    vault = Vault(K1, store, time)
    for moved, reads in ((0, 1), (299, 1), (1, 2), (0, 2)):
        time.move(timedelta(seconds=moved))
        await vault.key_of(workspace)
        assert store.reads == reads
    vault.forget(workspace)
    await vault.key_of(workspace)
    assert store.reads == 3


async def test_the_cache_keeps_the_keys_last_used_and_no_more_than_its_size() -> None:
    store, workspaces = MemoryKeyStore(), [new_id() for _ in range(3)]
    vault = Vault(K1, store, clock(), cache_size=2)
    for at in (0, 1, 0, 2, 0):
        await vault.key_of(workspaces[at])
    assert store.reads == 3
    await vault.key_of(workspaces[1])
    assert store.reads == 4


def test_a_longer_cache_than_five_minutes_is_refused() -> None:
    with pytest.raises(ValueError, match="five minutes"):
        Vault(K1, MemoryKeyStore(), clock(), cache_time=timedelta(seconds=301))


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 12), batch=st.integers(1, 5))
async def test_through_a_whole_rotation_every_value_stays_readable(count: int, batch: int) -> None:
    store, row = MemoryKeyStore(), new_id()
    vault = Vault(K1, store, clock(), cache_time=timedelta(0))
    workspaces = [new_id() for _ in range(count)]
    sealed = {workspace: seal(vault, await vault.key_of(workspace), row, workspace.bytes) for workspace in workspaces}

    async def all_readable() -> bool:
        return all([open_(vault, await vault.key_of(each), row, sealed[each]) == each.bytes for each in workspaces])

    vault.use(K1.with_key("k2"))
    assert await all_readable()
    vault.use(vault.keys.with_primary("k2"))
    assert await all_readable()
    steps = [progress async for progress in vault.rewrap_all(batch)]
    assert [step.done for step in steps] == [min(count, (at + 1) * batch) for at in range(len(steps))]
    assert all(step.total == count and step.broken == 0 for step in steps)
    assert (await vault.retire("k1")).ids == ("k2",)
    assert await all_readable()
    assert {found.kek_id for found in store.rows.values()} <= {"k2"}


async def test_a_master_key_that_still_wraps_data_keys_is_not_retired() -> None:
    vault = Vault(K1, MemoryKeyStore(), clock())
    await vault.key_of(new_id())
    vault.use(K1.with_key("k2").with_primary("k2"))
    with pytest.raises(KeyInUse) as refused:
        await vault.retire("k1")
    assert refused.value.data == {"key_id": "k1", "data_keys": 1}
    assert [(use.key_id, use.is_primary, use.data_keys) for use in await vault.inventory()] == [("k1", False, 1), ("k2", True, 0)]


async def test_a_data_key_that_does_not_unwrap_is_counted_and_left_and_stops_nobody() -> None:
    store = MemoryKeyStore()
    vault = Vault(K1, store, clock())
    for _ in range(3):
        await vault.key_of(new_id())
    place, row = next(iter(store.rows.items()))
    store.rows[place] = WrappedKey(row.id, row.workspace_id, row.purpose, row.kek_id, row.wrapped[:-1] + bytes([row.wrapped[-1] ^ 1]))
    vault.use(K1.with_key("k2").with_primary("k2"))
    last = [progress async for progress in vault.rewrap_all(1)][-1]
    assert (last.total, last.done, last.broken) == (3, 2, 1)


async def test_without_the_master_key_the_vault_names_it_and_stays_shut() -> None:
    store, workspace = MemoryKeyStore(), new_id()
    await Vault(K1, store, clock()).key_of(workspace)
    vault = Vault(MasterKeys(primary_id="k2", keys={"k2": bytes(32)}), store, clock())
    for attempt in (vault.unlock(), vault.key_of(workspace)):
        with pytest.raises(VaultLocked) as locked:
            await attempt
        assert locked.value.data["key_ids"] == ("k1",)


async def test_a_lost_key_file_is_not_replaced_by_a_fresh_one_while_data_needs_it(tmp_path: Path) -> None:
    store, path = MemoryKeyStore(), tmp_path / "master.json"
    first = await open_vault(VaultSettings(key_file=path), store, clock())
    await first.key_of(new_id())
    path.unlink()
    with pytest.raises(VaultLocked) as locked:
        await open_vault(VaultSettings(key_file=path), store, clock())
    assert locked.value.data["key_ids"] == first.keys.ids
    assert not path.exists()


async def test_keys_given_as_a_setting_open_the_same_data_and_are_not_shown() -> None:
    store = MemoryKeyStore()
    await Vault(K1, store, clock()).key_of(new_id())
    given_keys = VaultSettings(keys=SecretStr(K1.to_json()))
    assert (await open_vault(given_keys, store, clock())).keys.ids == ("k1",)
    assert "AAEC" not in repr(given_keys)
    with pytest.raises(ValueError, match="NEXUSONE_VAULT_KEY_FILE"):
        await open_vault(VaultSettings(), store, clock())
