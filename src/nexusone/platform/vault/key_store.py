"""Where wrapped data keys live: the port between the vault and the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key encrypted with the master key `kek_id`; one exists per workspace and purpose."""

    id: UUID
    workspace_id: UUID
    purpose: str
    kek_id: str
    wrapped: bytes


class KeyStore(Protocol):
    """Keeps wrapped data keys, unique by (workspace_id, purpose). Sees no key in the clear."""

    async def find_key(self, *, workspace_id: UUID, purpose: str) -> WrappedKey | None:
        """The key of that workspace and purpose, if there is one."""

    async def insert_key(self, key: WrappedKey) -> WrappedKey:
        """Stores the key and answers the one in force: on a race, the one that was first."""

    async def list_keys_wrapped_with(self, kek_id: str, *, limit: int, after: UUID | None = None) -> Sequence[WrappedKey]:
        """At most `limit` keys of all workspaces wrapped with that master key, by id, after the id `after`."""

    async def rewrap(self, keys: Sequence[WrappedKey], *, was: str) -> int:
        """Writes `kek_id` and `wrapped` of keys still wrapped with the master key `was`; answers how many."""

    async def count_keys(self) -> Mapping[str, int]:
        """How many keys of all workspaces each master key wraps."""
