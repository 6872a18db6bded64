create table audience.contact (
    workspace_id uuid not null,
    id uuid not null,
    -- Which import wrote the contact last, and from which line: how a repetition is told across batches of one file.
    import_id uuid,
    import_line bigint,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    external_id text,
    email text,
    phone text,
    first_name text,
    last_name text,
    locale text,
    timezone text,
    country text,
    email_status text not null default 'subscribed' check (email_status in ('subscribed', 'unsubscribed', 'bounced', 'complained')),
    attributes jsonb not null default '{}',
    primary key (workspace_id, id)
);
create unique index contact_external_id on audience.contact (workspace_id, external_id) where external_id is not null;
create unique index contact_email on audience.contact (workspace_id, email) where email is not null;
create unique index contact_phone on audience.contact (workspace_id, phone) where phone is not null;
select platform.protect('audience.contact');

create table audience.segment (
    workspace_id uuid not null,
    id uuid not null,
    name text not null,
    definition jsonb not null,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (workspace_id, id)
);
select platform.protect('audience.segment');

-- Addresses that must not be written to, whether or not a contact has them just now.
create table audience.suppression (
    workspace_id uuid not null,
    channel text not null check (channel in ('email')),
    address text not null,
    status text not null check (status in ('unsubscribed', 'bounced', 'complained')),
    source text not null,
    reason text,
    created_at timestamptz not null,
    primary key (workspace_id, channel, address)
);
select platform.protect('audience.suppression');

create table audience.contact_import (
    workspace_id uuid not null,
    id uuid not null,
    status text not null check (status in ('queued', 'running', 'succeeded', 'failed')),
    mapping jsonb not null,
    file_bytes bigint not null,
    -- The checkpoint: every row up to this line is counted below, committed with what it did to contacts.
    last_line bigint not null default 0,
    bytes_read bigint not null default 0,
    created bigint not null default 0,
    updated bigint not null default 0,
    rejected bigint not null default 0,
    -- The blobs that hold the rejected rows, one for each batch that had any.
    error_blobs text [] not null default '{}',
    failure_code text,
    failure_detail text,
    created_at timestamptz not null,
    finished_at timestamptz,
    primary key (workspace_id, id)
);
select platform.protect('audience.contact_import');
