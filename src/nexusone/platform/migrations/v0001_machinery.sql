-- Puts the wall around a tenant table: row-level security, enabled and forced, one policy for every command.
create function platform.protect(tenant_table regclass) returns void
language plpgsql set search_path = '' as $$
begin
    execute format('alter table %s enable row level security', tenant_table);
    execute format('alter table %s force row level security', tenant_table);
    execute format(
        'create policy workspace_wall on %s '
        'using (workspace_id = (select nullif(current_setting(''nexusone.workspace'', true), '''')::uuid)) '
        'with check (workspace_id = (select nullif(current_setting(''nexusone.workspace'', true), '''')::uuid))',
        tenant_table);
end $$;

-- Lets the system context read a table across workspaces, for due scans; it can never write there.
create function platform.allow_system_scan(tenant_table regclass) returns void
language plpgsql set search_path = '' as $$
begin
    execute format('create policy system_scan on %s for select to m_system using (true)', tenant_table);
    execute format('grant select on %s to m_system', tenant_table);
end $$;

create table platform.event (
    workspace_id uuid not null,
    id uuid not null,
    name text not null,
    payload jsonb not null,
    actor text not null,
    request_id text not null,
    occurred_at timestamptz not null,
    primary key (workspace_id, id)
);
select platform.protect('platform.event');

create function platform.announce_event() returns trigger
language plpgsql set search_path = '' as $$
begin
    perform pg_notify('nexusone_events', new.workspace_id::text || ':' || new.id::text);
    return null;
end $$;
create trigger announce after insert on platform.event for each row execute function platform.announce_event();

create table platform.idempotency (
    workspace_id uuid not null,
    principal_id uuid not null,
    method text not null,
    path text not null,
    key text not null,
    fingerprint bytea not null,
    status smallint,
    body bytea,
    locked_until timestamptz not null,
    created_at timestamptz not null,
    primary key (workspace_id, principal_id, method, path, key)
);
create index idempotency_created on platform.idempotency (created_at);
select platform.protect('platform.idempotency');
select platform.allow_system_scan('platform.idempotency');

-- Counters of the present window; unlogged, because after a crash a fresh window is right.
create unlogged table platform.rate_limit (
    key text primary key,
    taken bigint not null,
    expires_at timestamptz not null
) with (fillfactor = 50);

create table platform.data_key (
    workspace_id uuid not null,
    purpose text not null,
    id uuid not null,
    master_key_id text not null,
    wrapped bytea not null,
    created_at timestamptz not null,
    primary key (workspace_id, purpose)
);
select platform.protect('platform.data_key');
select platform.allow_system_scan('platform.data_key');
