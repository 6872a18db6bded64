"""After every test that booked something, the books of whoever booked must add up (MON-02)."""

from uuid import UUID

import psycopg

from nexusone.modules.billing.store.verification import LIST_DIFFERENCES

DIFFERENCES_MAX = 20


class LedgerProof:
    """Looks at the counter of entries, and only where it moved, at the ledgers that have new ones."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection
        self._proved = self._newest()

    def differences(self) -> list[tuple[object, ...]]:
        """Where the books disagree of workspaces that booked since the last call; workspace first."""
        newest = self._newest()
        if newest == self._proved:
            return []
        rows = self._connection.execute("select distinct workspace_id from billing.entry where id > %s", (self._proved,)).fetchall()
        self._proved = newest
        return [found for (workspace_id,) in rows if isinstance(workspace_id, UUID) for found in self._differences_of(workspace_id)]

    def _differences_of(self, workspace_id: UUID) -> list[tuple[object, ...]]:
        asked = {"workspace_id": workspace_id, "limit": DIFFERENCES_MAX}
        found = self._connection.execute(LIST_DIFFERENCES.text.encode(), asked).fetchall()
        return [(workspace_id, *difference) for difference in found]

    def _newest(self) -> int:
        [(newest,)] = self._connection.execute("select last_value from billing.entry_id_seq").fetchall()
        return int(str(newest))
