"""What of a company's rows no call leaves behind: an archive needs a day, a spool a fault, a count a turn that died."""

from uuid import UUID

import psycopg

ARCHIVE = """
insert into platform.audit_archive
    (workspace_id, first_position, last_position, previous_hash, chain_hash, blob_key, newest_at, archived_at)
values (%s, 0, 0, '', '', %s, now() - interval '2 days', now())
"""

MAIL_COUNT = """
insert into marketing.mail_count (workspace_id, message_id, turn_id, messages, counted_at)
values (%s, gen_random_uuid(), gen_random_uuid(), 1, now())
"""

EDIT = """
insert into ai.generation_edit (workspace_id, generation_id, number, output, diff, edited_by, edited_at)
select workspace_id, id, 1, %s, '', 'user', now() from ai.generation where workspace_id = %s limit 1
"""


def inserted(admin_url: str, workspace_id: UUID, mark: str) -> None:
    """Puts them in."""
    with psycopg.connect(admin_url) as admin:
        admin.execute(ARCHIVE, (workspace_id, mark))
        admin.execute(MAIL_COUNT, (workspace_id,))
        admin.execute(EDIT, (mark, workspace_id))
