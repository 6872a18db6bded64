"""SQL of who may see which segment: those with a grant, where there is any."""

from uuid import UUID

from nexusone.modules.identity.api import Asker
from nexusone.platform.database import Transaction
from nexusone.platform.sql import fragment, sql

# 'edit' before 'view': the strongest of several grants counts.
FIND_ACCESS = sql("""
select case
    when %(sees_all)s or not exists (
        select from identity.object_grant_v1 as g
        where g.workspace_id = %(workspace_id)s and g.object_kind = 'segment' and g.object_id = %(id)s
    ) then 'edit'
    else (
        select min(g.level) from identity.object_grant_v1 as g
        where g.workspace_id = %(workspace_id)s and g.object_kind = 'segment' and g.object_id = %(id)s
            and (g.user_id = %(asker_id)s or g.role = %(asker_role)s)
    )
end
""")

VISIBLE = fragment("""
(%(sees_all)s or not exists (
    select from identity.object_grant_v1 as g
    where g.workspace_id = %(workspace_id)s and g.object_kind = 'segment' and g.object_id = audience.segment.id
) or exists (
    select from identity.object_grant_v1 as g
    where g.workspace_id = %(workspace_id)s and g.object_kind = 'segment' and g.object_id = audience.segment.id
        and (g.user_id = %(asker_id)s or g.role = %(asker_role)s)
))
""")


async def find_access(tx: Transaction, *, workspace_id: UUID, object_id: UUID, asker: Asker) -> str | None:
    """`edit`, `view`, or None where the segment is not for the asker."""
    return await tx.find_value(str, FIND_ACCESS, {"workspace_id": workspace_id, "id": object_id, **asker.parameters})
