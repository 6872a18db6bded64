-- An operator's authenticator app: from the first one confirmed on, nobody signs in without it. The seed is sealed under a
-- data key of the operator's own.
create table identity.operator_totp (
    id uuid primary key,
    operator_id uuid not null references identity.operator (id) on delete cascade,
    sealed_seed bytea not null,
    last_step bigint not null,
    created_at timestamptz not null,
    confirmed_at timestamptz
);
create unique index operator_totp_confirmed on identity.operator_totp (operator_id) where confirmed_at is not null;
create index operator_totp_by_operator on identity.operator_totp (operator_id);

-- A sign-in whose password holds and whose code is awaited.
create table identity.operator_attempt (
    id uuid primary key,
    factor_id uuid not null references identity.operator_totp (id) on delete cascade,
    secret_hash bytea not null,
    tries integer not null default 0,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index operator_attempt_by_factor on identity.operator_attempt (factor_id);
create index operator_attempt_by_expiry on identity.operator_attempt (expires_at);
