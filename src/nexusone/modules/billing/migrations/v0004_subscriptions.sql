-- What a workspace subscribes to, as it stands now; due_at is when the clock makes something of it. The price is the one agreed on.
create table billing.subscription (
    workspace_id uuid not null,
    id uuid not null,
    state text not null check (state in ('incomplete', 'trialing', 'active', 'past_due', 'paused', 'ended', 'expired')),
    plan_version_id uuid not null references billing.plan_version (id),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    every text not null check (every in ('month', 'year')),
    unit_amount bigint not null check (unit_amount >= 0),
    quantity bigint not null check (quantity > 0),
    coupon_code text references billing.coupon (code),
    zone text not null,
    anchor_day bigint not null check (anchor_day between 1 and 31),
    calendar_starts_at timestamptz not null,
    number bigint not null check (number >= -1),
    period_starts_at timestamptz not null,
    period_ends_at timestamptz not null,
    paid_periods bigint not null check (paid_periods >= 0),
    billed_amount bigint not null check (billed_amount >= 0),
    next_plan_version_id uuid references billing.plan_version (id),
    next_every text check (next_every in ('month', 'year')),
    next_unit_amount bigint check (next_unit_amount >= 0),
    next_quantity bigint check (next_quantity > 0),
    ending text check (ending in ('cancel', 'pause')),
    is_reminded boolean not null,
    due_at timestamptz,
    version bigint not null default 1,
    created_at timestamptz not null,
    over_at timestamptz,
    primary key (workspace_id, id),
    check (period_starts_at < period_ends_at),
    check (num_nulls(next_plan_version_id, next_every, next_unit_amount, next_quantity) in (0, 4)),
    check ((state in ('ended', 'expired')) = (over_at is not null)),
    check (over_at is null or due_at is null)
) with (fillfactor = 70);
-- A workspace has one at a time; this decides between two who start one at once.
create unique index subscription_living on billing.subscription (workspace_id) where over_at is null;
create index subscription_due on billing.subscription (due_at) where due_at is not null;
select platform.protect('billing.subscription');
select platform.allow_system_scan('billing.subscription');

-- Each period once. One that a change of interval or a resumption cut short ends where the next begins.
create table billing.subscription_period (
    workspace_id uuid not null,
    subscription_id uuid not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    is_trial boolean not null,
    created_at timestamptz not null,
    primary key (workspace_id, subscription_id, starts_at),
    foreign key (workspace_id, subscription_id) references billing.subscription (workspace_id, id),
    check (starts_at < ends_at)
);
select platform.protect('billing.subscription_period');

-- What happened to a subscription, step by step; net_amount is what the step billed before taxes.
create table billing.subscription_step (
    workspace_id uuid not null,
    id uuid not null,
    subscription_id uuid not null,
    step text not null,
    state text not null,
    plan_version_id uuid not null,
    every text not null,
    quantity bigint not null,
    currency text not null,
    net_amount bigint not null,
    invoice_id uuid,
    period_starts_at timestamptz not null,
    period_ends_at timestamptz not null,
    created_at timestamptz not null,
    primary key (workspace_id, id),
    foreign key (workspace_id, subscription_id) references billing.subscription (workspace_id, id)
);
create index subscription_step_by_invoice on billing.subscription_step (workspace_id, invoice_id) where invoice_id is not null;
select platform.protect('billing.subscription_step');
revoke update, delete on billing.subscription_step from m_billing;

-- failures is how often collecting the invoice is known to have failed, so that each failure counts once, in whatever order news comes.
create table billing.dunning (
    workspace_id uuid not null,
    invoice_id uuid not null,
    subscription_id uuid not null,
    state text not null check (state in ('waiting', 'trying', 'healed', 'exhausted')),
    retries bigint not null check (retries between 0 and 4),
    failures bigint not null check (failures > 0),
    next_at timestamptz,
    begun_at timestamptz not null,
    over_at timestamptz,
    primary key (workspace_id, invoice_id),
    foreign key (workspace_id, subscription_id) references billing.subscription (workspace_id, id),
    check ((state in ('waiting', 'trying')) = (next_at is not null)),
    check ((over_at is null) = (next_at is not null))
) with (fillfactor = 70);
create index dunning_open on billing.dunning (workspace_id, subscription_id, next_at) where next_at is not null;
select platform.protect('billing.dunning');
