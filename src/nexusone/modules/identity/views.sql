-- Who may see which restricted segment or campaign; an object without a line here is open to all who may see its kind.
create or replace view identity.object_grant_v1 as
select workspace_id, object_kind, object_id, user_id, role, level
from identity.object_grant;

-- Under what each living credential is let in at this moment; asked again before anything is written in its name.
create or replace view identity.standing_v1 as
select
    s.workspace_id,
    s.id as credential_id,
    concat_ws(':', m.role, r.id, r.version, w.suspended_at is not null or w.delete_at is not null) as standing
from identity.session as s
inner join identity.member as m on s.workspace_id = m.workspace_id and s.user_id = m.user_id
left join identity.role as r on m.workspace_id = r.workspace_id and m.custom_role_id = r.id
inner join identity.workspace as w on s.workspace_id = w.workspace_id
inner join identity.user_account as u on s.user_id = u.id and s.generation = u.session_generation and u.disabled_at is null
where s.revoked_at is null
union all
select
    i.workspace_id,
    i.id,
    concat_ws(':', m.role, r.id, r.version, w.suspended_at is not null or w.delete_at is not null)
from identity.impersonation as i
inner join identity.operator as o on i.operator_id = o.id and o.disabled_at is null
inner join identity.member as m on i.workspace_id = m.workspace_id and i.user_id = m.user_id
left join identity.role as r on m.workspace_id = r.workspace_id and m.custom_role_id = r.id
inner join identity.workspace as w on i.workspace_id = w.workspace_id
where i.ended_at is null
union all
select
    k.workspace_id,
    k.id,
    concat_ws(':', 'key', k.rotated_at, w.suspended_at is not null or w.delete_at is not null)
from identity.api_key as k
inner join identity.workspace as w on k.workspace_id = w.workspace_id
where k.revoked_at is null;
