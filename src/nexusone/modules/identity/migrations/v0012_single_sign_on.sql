create table identity.sso_connection (
    workspace_id uuid not null references identity.workspace (workspace_id) on delete cascade,
    id uuid not null,
    name text not null,
    issuer text not null,
    client_id text not null,
    sealed_secret bytea not null,
    default_role text not null,
    creates_members boolean not null,
    honours_mfa boolean not null,
    is_enabled boolean not null,
    is_enforced boolean not null,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (workspace_id, id),
    unique (workspace_id, issuer, client_id)
);
select platform.protect('identity.sso_connection');
select platform.allow_system_scan('identity.sso_connection');

-- Until the proof was found at the domain itself, the workspace has no say over anybody's address there.
create table identity.sso_domain (
    workspace_id uuid not null,
    connection_id uuid not null,
    domain text not null,
    proof text not null,
    proven_at timestamptz,
    primary key (workspace_id, connection_id, domain),
    foreign key (workspace_id, connection_id) references identity.sso_connection (workspace_id, id) on delete cascade
);
create index sso_domain_by_name on identity.sso_domain (domain) where proven_at is not null;
select platform.protect('identity.sso_domain');
select platform.allow_system_scan('identity.sso_domain');

-- Who somebody is at a provider is its issuer, which a connection never changes, and the subject; never an address.
create table identity.sso_identity (
    workspace_id uuid not null,
    connection_id uuid not null,
    subject text not null,
    user_id uuid not null,
    created_at timestamptz not null,
    used_at timestamptz not null,
    primary key (workspace_id, connection_id, subject),
    unique (workspace_id, connection_id, user_id),
    foreign key (workspace_id, connection_id) references identity.sso_connection (workspace_id, id) on delete cascade,
    foreign key (workspace_id, user_id) references identity.member (workspace_id, user_id) on delete cascade
);
create index sso_identity_by_user on identity.sso_identity (workspace_id, user_id);
select platform.protect('identity.sso_identity');

create table identity.sso_attempt (
    workspace_id uuid not null,
    id uuid not null,
    connection_id uuid not null,
    state_hash bytea not null,
    binding_hash bytea not null,
    nonce_hash bytea not null,
    sealed_verifier bytea not null,
    return_to text,
    started_at timestamptz not null,
    expires_at timestamptz not null,
    returned_at timestamptz,
    user_id uuid,
    methods text [] not null default '{}',
    proved_at timestamptz,
    finished_at timestamptz,
    primary key (workspace_id, id),
    foreign key (workspace_id, connection_id) references identity.sso_connection (workspace_id, id) on delete cascade,
    foreign key (workspace_id, user_id) references identity.member (workspace_id, user_id) on delete cascade
);
create index sso_attempt_by_connection on identity.sso_attempt (workspace_id, connection_id);
create index sso_attempt_by_user on identity.sso_attempt (workspace_id, user_id) where user_id is not null;
create index sso_attempt_by_expiry on identity.sso_attempt (workspace_id, expires_at);
select platform.protect('identity.sso_attempt');
