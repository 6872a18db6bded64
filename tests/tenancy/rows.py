"""What of a company's rows no call makes within a test: an archive needs a day, a spool a fault."""

from uuid import UUID

import psycopg

ARCHIVE = """
insert into platform.audit_archive
    (workspace_id, first_position, last_position, previous_hash, chain_hash, blob_key, newest_at, archived_at)
values (%s, 0, 0, '', '', %s, now() - interval '2 days', now())
"""


def inserted(admin_url: str, workspace_id: UUID, mark: str) -> None:
    """Puts them in."""
    with psycopg.connect(admin_url) as admin:
        admin.execute(ARCHIVE, (workspace_id, mark))
