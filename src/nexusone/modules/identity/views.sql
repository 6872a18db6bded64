-- Who may see which restricted segment or campaign; an object without a line here is open to all who may see its kind.
create or replace view identity.object_grant_v1 as
select workspace_id, object_kind, object_id, user_id, role, level
from identity.object_grant;
