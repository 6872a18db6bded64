"""Wrapped data keys in PostgreSQL: what the vault's `KeyStore` asks for."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Runtime
from nexusone.platform.sql import sql
from nexusone.platform.vault import WrappedKey

FIND_KEY = sql("""
select id, workspace_id, purpose, master_key_id as kek_id, wrapped
from platform.data_key where workspace_id = %(workspace_id)s and purpose = %(purpose)s
""")

INSERT_KEY = sql("""
insert into platform.data_key (workspace_id, purpose, id, master_key_id, wrapped, created_at)
values (%(workspace_id)s, %(purpose)s, %(id)s, %(kek_id)s, %(wrapped)s, now())
on conflict (workspace_id, purpose) do nothing
""")

LIST_KEYS = sql("""
select id, workspace_id, purpose, master_key_id as kek_id, wrapped
from platform.data_key
where master_key_id = %(kek_id)s and (%(after)s::uuid is null or id > %(after)s)
order by id
limit %(limit)s
""")

REWRAP = sql("""
update platform.data_key set master_key_id = %(kek_id)s, wrapped = %(wrapped)s
where workspace_id = %(workspace_id)s and id = %(id)s and master_key_id = %(was)s
""")

COUNT_KEYS = sql("select master_key_id, count(*) from platform.data_key group by master_key_id")


DELETE_KEY = sql("delete from platform.data_key where workspace_id = %(workspace_id)s and purpose = %(purpose)s")


async def delete_key(tx: Transaction, *, purpose: str) -> bool:
    """Destroys a key of the workspace with the commit: what it sealed is unreadable from then on. False: there was none."""
    return await tx.execute(DELETE_KEY, {"workspace_id": tx.origin.workspace_id, "purpose": purpose}) > 0


class PostgresKeyStore:
    """The `KeyStore` of a deployment. `attach` gives it the runtime, which is composed after it."""

    def __init__(self) -> None:
        self._runtime: Runtime | None = None

    def attach(self, runtime: Runtime) -> None:
        """Must be called once, before the first key is asked for."""
        self._runtime = runtime

    @property
    def runtime(self) -> Runtime:
        """The attached runtime."""
        if self._runtime is None:
            raise RuntimeError("the key store has no runtime yet")
        return self._runtime

    async def find_key(self, *, workspace_id: UUID, purpose: str) -> WrappedKey | None:
        """The key of that workspace and purpose, if there is one."""
        async with self.runtime.system(workspace_id).transaction("platform") as tx:
            return await tx.find_one(WrappedKey, FIND_KEY, {"workspace_id": workspace_id, "purpose": purpose})

    async def insert_key(self, key: WrappedKey) -> WrappedKey:
        """Stores the key and answers the one in force."""
        place = {"workspace_id": key.workspace_id, "purpose": key.purpose}
        async with self.runtime.system(key.workspace_id).transaction("platform") as tx:
            await tx.execute(INSERT_KEY, {**place, "id": key.id, "kek_id": key.kek_id, "wrapped": key.wrapped})
            return await tx.fetch_one(WrappedKey, FIND_KEY, place)

    async def list_keys_wrapped_with(self, kek_id: str, *, limit: int, after: UUID | None = None) -> Sequence[WrappedKey]:
        """At most `limit` keys of all workspaces wrapped with that master key, by id."""
        async with self.runtime.system().transaction("system") as tx:
            return await tx.fetch_all(WrappedKey, LIST_KEYS, {"kek_id": kek_id, "after": after, "limit": limit})

    async def rewrap(self, keys: Sequence[WrappedKey], *, was: str) -> int:
        """Writes the new wrapping of keys still wrapped with `was`; answers how many."""
        changed = 0
        for key in keys:
            async with self.runtime.system(key.workspace_id).transaction("platform") as tx:
                changed += await tx.execute(
                    REWRAP,
                    {"workspace_id": key.workspace_id, "id": key.id, "kek_id": key.kek_id, "wrapped": key.wrapped, "was": was},
                )
        return changed

    async def count_keys(self) -> Mapping[str, int]:
        """How many keys of all workspaces each master key wraps."""
        async with self.runtime.system().transaction("system") as tx:
            return dict(await tx.fetch_tuples(COUNT_KEYS))
