create table identity.workspace (
    workspace_id uuid primary key,
    name text not null,
    default_locale text not null,
    timezone text not null,
    created_at timestamptz not null
);
select platform.protect('identity.workspace');
select platform.allow_system_scan('identity.workspace');

-- A person may belong to several workspaces, so this table alone is of no workspace; only identity's role reads it.
create table identity.user_account (
    id uuid primary key,
    email text not null unique,
    name text not null,
    password_hash text not null,
    locale text not null,
    created_at timestamptz not null
);

create table identity.member (
    workspace_id uuid not null references identity.workspace (workspace_id) on delete cascade,
    user_id uuid not null references identity.user_account (id),
    role text not null check (role in ('owner', 'viewer')),
    created_at timestamptz not null,
    primary key (workspace_id, user_id)
);
create index member_by_user on identity.member (user_id);
select platform.protect('identity.member');
select platform.allow_system_scan('identity.member');

create table identity.session (
    workspace_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    refresh_hash bytea not null,
    refresh_count bigint not null default 0,
    created_at timestamptz not null,
    refreshed_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    primary key (workspace_id, id),
    foreign key (workspace_id, user_id) references identity.member (workspace_id, user_id) on delete cascade
);
create index session_by_user on identity.session (workspace_id, user_id);
select platform.protect('identity.session');

create table identity.api_key (
    workspace_id uuid not null references identity.workspace (workspace_id) on delete cascade,
    id uuid not null,
    name text not null,
    secret_hash bytea not null,
    permissions text [] not null,
    created_by uuid,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    primary key (workspace_id, id)
);
select platform.protect('identity.api_key');
