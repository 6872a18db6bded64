-- Made for every schema, as its owner. Only the role m_erasure may call them, and only for the workspace it has entered.

create or replace function the_schema.erase_rows(wanted uuid, rows_max bigint) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    one regclass;
    gone bigint;
    total bigint := 0;
begin
    if wanted is distinct from nullif(current_setting('nexusone.workspace', true), '')::uuid then
        raise exception 'rows are erased from inside their workspace';
    end if;
    -- What refers to other rows was made after them, so the newest tables go first.
    for one in
        select c.oid::regclass from pg_catalog.pg_class as c
        where c.relnamespace = 'the_schema'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and exists (
            select 1 from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
        )
        order by c.oid desc
    loop
        begin
            execute format(
                'delete from %s where workspace_id = $1 and ctid = any(array(select ctid from %s where workspace_id = $1 limit $2))',
                one, one
            ) using wanted, rows_max;
            get diagnostics gone = row_count;
            total := total + gone;
        exception when foreign_key_violation then
            -- Rows that others still refer to wait for the next call.
            continue;
        end;
    end loop;
    return total;
end $$;

create or replace function the_schema.export_rows(wanted uuid, of_table text) returns setof text
language plpgsql security definer set search_path = '' as $$
declare
    hidden text [];
begin
    if wanted is distinct from nullif(current_setting('nexusone.workspace', true), '')::uuid then
        raise exception 'rows are exported from inside their workspace';
    end if;
    -- Digests, sealed secrets and wrapped keys are bytes; nobody can use them elsewhere, and nobody should have them.
    select coalesce(array_agg(a.attname::text), '{}') into hidden from pg_catalog.pg_attribute as a
    where a.attrelid = format('the_schema.%I', of_table)::regclass and a.attnum > 0 and a.atttypid in ('bytea'::regtype, 'bytea[]'::regtype);
    return query execute format('select (to_jsonb(t) - $2)::text from the_schema.%I as t where t.workspace_id = $1', of_table)
        using wanted, hidden;
end $$;
