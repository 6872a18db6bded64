-- What was done, by whom, from where; written in the transaction that did it.
create table platform.audit_entry (
    workspace_id uuid not null,
    id uuid not null,
    occurred_at timestamptz not null,
    actor_kind text not null,
    actor_id uuid,
    impersonator_id uuid,
    ip text,
    request_id text not null,
    action text not null,
    object_kind text not null,
    object_id text not null,
    changes jsonb not null,
    result text not null,
    content_hash bytea not null,
    primary key (workspace_id, id)
);
create index audit_entry_by_time on platform.audit_entry (workspace_id, occurred_at, id);
select platform.protect('platform.audit_entry');

-- Entries that no seal covers yet. Writers never wait for one another; the sealer takes them from here, late ones later.
create table platform.audit_pending (
    workspace_id uuid not null,
    entry_id uuid not null,
    primary key (workspace_id, entry_id)
);
select platform.protect('platform.audit_pending');
select platform.allow_system_scan('platform.audit_pending');

-- The chain: each link covers the one before it and the content of one entry.
create table platform.audit_seal (
    workspace_id uuid not null,
    position bigint not null,
    entry_id uuid not null,
    entry_hash bytea not null,
    chain_hash bytea not null,
    sealed_at timestamptz not null,
    primary key (workspace_id, position),
    unique (workspace_id, entry_id)
);
select platform.protect('platform.audit_seal');

-- Where the chain ends; whoever seals holds this row. Chains that went on since their last checkpoint are found here.
create table platform.audit_head (
    workspace_id uuid not null primary key,
    position bigint not null,
    chain_hash bytea not null,
    checkpointed bigint not null,
    -- The key of the newest checkpoint: when another key becomes the primary, the chain's end is signed anew.
    signed_with text not null
);
select platform.protect('platform.audit_head');
select platform.allow_system_scan('platform.audit_head');

-- How far the chain reached at an instant, signed; the same text lies in the blob store.
create table platform.audit_checkpoint (
    workspace_id uuid not null,
    position bigint not null,
    chain_hash bytea not null,
    taken_at timestamptz not null,
    key_id text not null,
    text text not null,
    primary key (workspace_id, position, key_id)
);
select platform.protect('platform.audit_checkpoint');

-- Entries and seals up to a position that moved to the blob store.
create table platform.audit_archive (
    workspace_id uuid not null,
    first_position bigint not null,
    last_position bigint not null,
    previous_hash bytea not null,
    chain_hash bytea not null,
    blob_key text not null,
    newest_at timestamptz not null,
    archived_at timestamptz not null,
    primary key (workspace_id, first_position),
    unique (workspace_id, last_position)
);
select platform.protect('platform.audit_archive');

-- The one text of an entry that its hash covers: a JSON array, the time in microseconds since 1970.
create function platform.audit_text(entry platform.audit_entry) returns text
language sql stable set search_path = '' as $$
    select pg_catalog.jsonb_build_array(
        entry.workspace_id, entry.id, (extract(epoch from entry.occurred_at) * 1000000)::bigint, entry.actor_kind, entry.actor_id,
        entry.impersonator_id, entry.ip, entry.request_id, entry.action, entry.object_kind, entry.object_id, entry.changes, entry.result
    )::text
$$;

-- Time and hash are the database's, so that no writer chooses them.
create function platform.stamp_audit_entry() returns trigger
language plpgsql set search_path = '' security definer as $$
begin
    new.occurred_at := clock_timestamp();
    new.content_hash := sha256(convert_to(platform.audit_text(new), 'UTF8'));
    return new;
end $$;
create trigger stamp before insert on platform.audit_entry for each row execute function platform.stamp_audit_entry();

create function platform.await_audit_seal() returns trigger
language plpgsql set search_path = '' security definer as $$
begin
    insert into platform.audit_pending (workspace_id, entry_id) values (new.workspace_id, new.id);
    return null;
end $$;
create trigger await_seal after insert on platform.audit_entry for each row execute function platform.await_audit_seal();

-- Only what an archive holds may leave, and only after its sealing: the one way in which entries are ever deleted.
create function platform.leave_to_archive(wanted_workspace uuid, wanted_position bigint) returns bigint
language plpgsql set search_path = '' security definer as $$
declare
    gone bigint;
begin
    if not exists (
        select 1 from platform.audit_archive as archive
        where archive.workspace_id = wanted_workspace and archive.last_position = wanted_position
            and archive.newest_at < clock_timestamp() - interval '1 day'
    ) then
        raise exception 'nothing is archived up to position %', wanted_position;
    end if;
    delete from platform.audit_entry as entry using platform.audit_seal as seal
    where seal.workspace_id = wanted_workspace and seal.position <= wanted_position
        and entry.workspace_id = seal.workspace_id and entry.id = seal.entry_id;
    get diagnostics gone = row_count;
    delete from platform.audit_seal as seal where seal.workspace_id = wanted_workspace and seal.position <= wanted_position;
    return gone;
end $$;

revoke update, delete on platform.audit_entry from m_platform;
revoke update, delete on platform.audit_seal from m_platform;
revoke update, delete on platform.audit_checkpoint from m_platform;
revoke update on platform.audit_archive from m_platform;
revoke insert, update on platform.audit_pending from m_platform;
