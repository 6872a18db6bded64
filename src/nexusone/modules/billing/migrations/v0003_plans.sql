-- Plans are the operating company's and of no workspace; what a version says is written once and never changes.
create table billing.plan (
    code text primary key check (code ~ '^[a-z][a-z0-9_]{0,62}$'),
    names jsonb not null,
    position bigint not null,
    is_public boolean not null,
    created_at timestamptz not null,
    retired_at timestamptz
);
revoke delete on billing.plan from m_billing;

-- source_hash tells versions that came from the product's own catalogue, so that each comes once.
create table billing.plan_version (
    id uuid primary key,
    plan_code text not null references billing.plan (code),
    number bigint not null check (number > 0),
    allowance_micros bigint not null check (allowance_micros >= 0),
    allowance_priority bigint not null,
    rollover text not null check (rollover in ('none', 'all', 'capped')),
    rollover_cap_micros bigint check (rollover_cap_micros >= 0),
    allows_overdraft boolean not null,
    trial_days bigint not null check (trial_days >= 0),
    trial_needs_payment_method boolean not null,
    source_hash bytea,
    created_at timestamptz not null,
    published_at timestamptz,
    retired_at timestamptz,
    unique (plan_code, number),
    check ((rollover = 'capped') = (rollover_cap_micros is not null))
);
create unique index plan_version_by_source on billing.plan_version (plan_code, source_hash) where source_hash is not null;
revoke update, delete on billing.plan_version from m_billing;
grant update (published_at, retired_at) on billing.plan_version to m_billing;

-- A quantity of null is without limit; a metered feature without an overage ends where what is included ends.
create table billing.plan_feature (
    plan_version_id uuid not null references billing.plan_version (id),
    feature text not null,
    is_included boolean not null,
    quantity bigint check (quantity >= 0),
    overage_micros bigint check (overage_micros >= 0),
    primary key (plan_version_id, feature)
);
revoke update, delete on billing.plan_feature from m_billing;

create table billing.price_list (
    code text primary key check (code ~ '^[a-z][a-z0-9_]{0,62}$'),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    countries text [] not null,
    is_default boolean not null,
    created_at timestamptz not null
);
create unique index price_list_default on billing.price_list (is_default) where is_default;
revoke delete on billing.price_list from m_billing;

create table billing.plan_price (
    plan_version_id uuid not null references billing.plan_version (id),
    list_code text not null references billing.price_list (code),
    every text not null check (every in ('month', 'year')),
    amount bigint not null check (amount >= 0),
    created_at timestamptz not null,
    primary key (plan_version_id, list_code, every)
);
revoke update, delete on billing.plan_price from m_billing;

-- The version a workspace stays on until it is moved; without a row it is on the default plan.
create table billing.workspace_plan (
    workspace_id uuid not null,
    plan_version_id uuid not null references billing.plan_version (id),
    since timestamptz not null,
    primary key (workspace_id)
);
create index workspace_plan_by_version on billing.workspace_plan (plan_version_id);
select platform.protect('billing.workspace_plan');

create table billing.entitlement_counter (
    workspace_id uuid not null,
    feature text not null,
    window_start timestamptz not null,
    used bigint not null check (used >= 0),
    primary key (workspace_id, feature, window_start)
) with (fillfactor = 50);
select platform.protect('billing.entitlement_counter');

-- kept is what is left of quantity after some was given back.
create table billing.entitlement_take (
    workspace_id uuid not null,
    key text not null,
    feature text not null,
    window_start timestamptz not null,
    quantity bigint not null check (quantity > 0),
    kept bigint not null check (kept between 0 and quantity),
    used_after bigint not null,
    created_at timestamptz not null,
    primary key (workspace_id, key)
);
select platform.protect('billing.entitlement_take');

-- What a coupon gives never changes; how often and until when it may be used can.
create table billing.coupon (
    code text primary key check (code ~ '^[A-Z0-9][A-Z0-9_-]{1,39}$'),
    kind text not null check (kind in ('percent', 'amount')),
    percent_hundredths bigint check (percent_hundredths between 1 and 10000),
    amount bigint check (amount > 0),
    currency text check (currency ~ '^[A-Z]{3}$'),
    duration text not null check (duration in ('once', 'repeating', 'forever')),
    periods bigint check (periods > 0),
    plan_codes text [] not null,
    redeem_by timestamptz,
    uses_max bigint check (uses_max >= 0),
    uses bigint not null default 0 check (uses >= 0),
    created_at timestamptz not null,
    ended_at timestamptz,
    check ((kind = 'percent') = (percent_hundredths is not null) and (kind = 'amount') = (amount is not null)),
    check ((amount is null) = (currency is null)),
    check ((duration = 'repeating') = (periods is not null)),
    check (uses_max is null or uses <= uses_max)
);
revoke update, delete on billing.coupon from m_billing;
grant update (redeem_by, uses_max, uses, ended_at) on billing.coupon to m_billing;

create table billing.coupon_redemption (
    workspace_id uuid not null,
    coupon_code text not null references billing.coupon (code),
    plan_code text not null,
    redeemed_at timestamptz not null,
    primary key (workspace_id, coupon_code)
);
create index coupon_redemption_by_coupon on billing.coupon_redemption (coupon_code);
select platform.protect('billing.coupon_redemption');

-- An agency's pool, in the agency's workspace: what its clients may draw from its credits, and what it charges them on top.
create table billing.pool (
    workspace_id uuid not null,
    is_open boolean not null,
    monthly_micros bigint check (monthly_micros >= 0),
    mark_up_hundredths bigint not null check (mark_up_hundredths between 0 and 100000),
    updated_at timestamptz not null,
    primary key (workspace_id)
);
select platform.protect('billing.pool');

-- Nulls are the pool's own terms.
create table billing.pool_share (
    workspace_id uuid not null,
    client_id uuid not null,
    is_member boolean not null,
    monthly_micros bigint check (monthly_micros >= 0),
    mark_up_hundredths bigint check (mark_up_hundredths between 0 and 100000),
    updated_at timestamptz not null,
    primary key (workspace_id, client_id)
);
select platform.protect('billing.pool_share');

create table billing.pool_month (
    workspace_id uuid not null,
    client_id uuid not null,
    month date not null,
    drawn_micros bigint not null check (drawn_micros >= 0),
    primary key (workspace_id, client_id, month)
);
select platform.protect('billing.pool_month');

-- A client's draw on the pool, in the agency's workspace: asked, then paid by the agency, then granted to the client.
create table billing.pool_draw (
    workspace_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    key text not null,
    month date not null,
    amount_micros bigint not null check (amount_micros > 0),
    state text not null check (state in ('asked', 'granted', 'refused')),
    asked_at timestamptz not null,
    ended_at timestamptz,
    primary key (workspace_id, id),
    unique (workspace_id, client_id, key)
);
create index pool_draw_open on billing.pool_draw (asked_at) where state = 'asked';
select platform.protect('billing.pool_draw');
select platform.allow_system_scan('billing.pool_draw');

-- In the client's workspace: whose pool it draws from.
create table billing.pool_membership (
    workspace_id uuid not null,
    agency_id uuid not null,
    is_member boolean not null,
    updated_at timestamptz not null,
    primary key (workspace_id)
);
select platform.protect('billing.pool_membership');

-- What a client gives back, in the client's workspace: asked, then paid by the client, then granted to the agency.
create table billing.pool_return (
    workspace_id uuid not null,
    id uuid not null,
    agency_id uuid not null,
    amount_micros bigint not null check (amount_micros > 0),
    state text not null check (state in ('asked', 'granted', 'refused')),
    asked_at timestamptz not null,
    ended_at timestamptz,
    primary key (workspace_id, id)
);
create index pool_return_open on billing.pool_return (asked_at) where state = 'asked';
select platform.protect('billing.pool_return');
select platform.allow_system_scan('billing.pool_return');
