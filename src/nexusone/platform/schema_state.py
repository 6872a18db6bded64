"""Which schema a database has, and which one this code wants; cheap enough to ask at every start."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg

ERASURE_FILE = Path(__file__).parent / "migrations" / "erasure.sql"
"""What every schema gets to export and erase the rows of a workspace; each schema's name goes where `ERASURE_PLACE` is."""

ERASURE_PLACE = "the_schema"

# Beside the queue library's own indexes: jobs are found by kind and workspace, so that one's long queue costs the others
# nothing. Jobs of no workspace count as one workspace's.
CREATE_QUEUE_INDEX: LiteralString = """
create index if not exists pgqueuer_by_workspace on queue.pgqueuer (
    entrypoint, (coalesce(headers ->> 'workspace_id', '')), priority desc, id
) where status = 'queued'
"""

FIND_FINGERPRINT: LiteralString = "select obj_description('platform'::regnamespace, 'pg_namespace')"


@dataclass(frozen=True, slots=True)
class SchemaPart:
    """One owner of a schema: a module or the platform, and the folder its SQL lies in."""

    name: str
    folder: Path

    @property
    def has_migrations(self) -> bool:
        """Whether the part has a history of its own."""
        return any((self.folder / "migrations").glob("v*.py"))


@dataclass(frozen=True, slots=True)
class Login:
    """The application's login: made at migration where `password` or trust lets it in later."""

    name: str
    password: str | None


def fingerprint_of(parts: Sequence[SchemaPart]) -> str:
    """A digest over every SQL file of every part and the queue's index; another digest means there is something to migrate."""
    digest = hashlib.sha256(ERASURE_FILE.read_bytes() + CREATE_QUEUE_INDEX.encode())
    for part in parts:
        digest.update(part.name.encode())
        for path in sorted([*(part.folder / "migrations").glob("v*.sql"), *part.folder.glob("views.sql")]):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def find_fingerprint(connection: psycopg.Connection[Any]) -> str | None:
    """The digest the database was last migrated to, or None for an empty one."""
    exists = connection.execute("select to_regnamespace('platform') is not null").fetchone()
    if exists is None or not exists[0]:
        return None
    row = connection.execute(FIND_FINGERPRINT).fetchone()
    return None if row is None else row[0]
