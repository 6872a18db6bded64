create table identity.mfa_policy (
    workspace_id uuid primary key references identity.workspace (workspace_id) on delete cascade,
    demanded_of text not null check (demanded_of in ('nobody', 'roles', 'everyone')),
    roles text [] not null,
    updated_at timestamptz not null
);
select platform.protect('identity.mfa_policy');

-- A sign-in or step-up whose first factor holds. `session_id` is the session that the new one takes the place of.
create table identity.mfa_attempt (
    workspace_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    secret_hash bytea not null,
    methods text [] not null,
    session_id uuid,
    challenge bytea,
    tries integer not null default 0,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    primary key (workspace_id, id),
    foreign key (workspace_id, user_id) references identity.member (workspace_id, user_id) on delete cascade
);
create index mfa_attempt_by_user on identity.mfa_attempt (workspace_id, user_id);
select platform.protect('identity.mfa_attempt');

-- A person has the same factors in every workspace, so these tables are of none; only identity's role reads them.
-- The seed is sealed under a data key of the person's own.
create table identity.totp_factor (
    id uuid primary key,
    user_id uuid not null references identity.user_account (id) on delete cascade,
    sealed_seed bytea not null,
    last_step bigint not null,
    tries integer not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    confirmed_at timestamptz
);
create unique index totp_factor_waiting on identity.totp_factor (user_id) where confirmed_at is null;
create unique index totp_factor_confirmed on identity.totp_factor (user_id) where confirmed_at is not null;

create table identity.recovery_code (
    user_id uuid not null references identity.user_account (id) on delete cascade,
    code_hash bytea not null,
    created_at timestamptz not null,
    used_at timestamptz,
    primary key (user_id, code_hash)
);

create table identity.passkey (
    id uuid primary key,
    user_id uuid not null references identity.user_account (id) on delete cascade,
    credential_id bytea not null unique,
    public_key bytea not null,
    sign_count bigint not null,
    transports text [] not null,
    authenticator text not null,
    is_synced boolean not null,
    name text not null,
    created_at timestamptz not null,
    used_at timestamptz
);
create index passkey_by_user on identity.passkey (user_id);

create table identity.passkey_ceremony (
    id uuid primary key,
    user_id uuid references identity.user_account (id) on delete cascade,
    purpose text not null check (purpose in ('register', 'sign_in')),
    secret_hash bytea not null,
    challenge bytea not null,
    expires_at timestamptz not null
);
create index passkey_ceremony_by_expiry on identity.passkey_ceremony (expires_at);
create index passkey_ceremony_by_user on identity.passkey_ceremony (user_id) where user_id is not null;
