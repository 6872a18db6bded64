-- The tables of accounts and sessions are small, and no code that wrote them before runs beside this one.
-- squawk-ignore-file require-concurrent-index-creation, ban-drop-not-null, ban-drop-default

alter table identity.user_account
add column email_verified_at timestamptz,
add column password_changed_at timestamptz,
add column disabled_at timestamptz,
-- Sessions of an older generation are over: raising it ends all sessions of a person, in all workspaces, in one statement.
add column session_generation bigint not null default 0,
-- A person who signs in elsewhere has none.
alter column password_hash drop not null;

-- Sign-ups wait here until the address is verified: before that, there is no account that could be found.
create table identity.pending_sign_up (
    id uuid primary key,
    email text not null,
    name text not null,
    workspace_name text not null,
    password_hash text not null,
    locale text not null,
    secret_hash bytea unique,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index pending_sign_up_by_expiry on identity.pending_sign_up (expires_at);

create table identity.password_reset (
    id uuid primary key,
    user_id uuid not null references identity.user_account (id) on delete cascade,
    secret_hash bytea unique,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index password_reset_by_user on identity.password_reset (user_id);
create index password_reset_by_expiry on identity.password_reset (expires_at);

create table identity.device (
    id uuid primary key,
    user_id uuid not null references identity.user_account (id) on delete cascade,
    secret_hash bytea not null,
    fingerprint bytea not null,
    created_at timestamptz not null,
    seen_at timestamptz not null
);
create index device_by_user on identity.device (user_id);

alter table identity.session
add column generation bigint not null default 0,
add column methods text [] not null default '{pwd}',
add column authenticated_at timestamptz not null default now(),
add column ends_at timestamptz not null default now() + interval '30 days',
add column ip text,
add column user_agent text,
add column device_id uuid;
alter table identity.session
alter column authenticated_at drop default,
alter column ends_at drop default;
select platform.allow_system_scan('identity.session');
create index session_by_person on identity.session (user_id);

create table identity.spent_refresh (
    workspace_id uuid not null,
    session_id uuid not null,
    secret_hash bytea not null,
    spent_at timestamptz not null,
    primary key (workspace_id, session_id, secret_hash),
    foreign key (workspace_id, session_id) references identity.session (workspace_id, id) on delete cascade
);
select platform.protect('identity.spent_refresh');
