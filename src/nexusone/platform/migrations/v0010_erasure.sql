-- Which tables hold rows of workspaces.
create function platform.list_workspace_tables() returns table (schema_name text, table_name text)
language sql stable set search_path = '' as $$
    select n.nspname::text, c.relname::text
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^(pg_|information_schema)' and exists (
        select 1 from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
    )
    order by 1, 2
$$;

-- Hand the call on to the schema's own function; they run as their caller, who must be let in there too.
create function platform.erase_rows_of(of_schema text, wanted uuid, rows_max bigint) returns bigint
language plpgsql set search_path = '' as $$
declare
    gone bigint;
begin
    execute format('select %I.erase_rows($1, $2)', of_schema) using wanted, rows_max into gone;
    return gone;
end $$;

create function platform.export_rows_of(of_schema text, of_table text, wanted uuid) returns setof text
language plpgsql set search_path = '' as $$
begin
    return query execute format('select * from %I.export_rows($1, $2)', of_schema) using wanted, of_table;
end $$;

-- Work that waits for a workspace that is no more; what is running now is refused when it asks for its rights.
create function platform.erase_jobs(wanted uuid) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    gone bigint;
begin
    if wanted is distinct from nullif(current_setting('nexusone.workspace', true), '')::uuid then
        raise exception 'jobs are erased from inside their workspace';
    end if;
    with erased as (
        delete from queue.pgqueuer where headers ->> 'workspace_id' = wanted::text and status <> 'picked' returning id
    ), logs as (
        delete from queue.pgqueuer_log where job_id in (select id from erased)
    )
    select count(*) into gone from erased;
    return gone;
end $$;
