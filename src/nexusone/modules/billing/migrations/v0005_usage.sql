-- What was used, as it was reported: once per id, for whatever meter. Usage of a closed period that comes later stays here too;
-- what it changes is told by the next closing.
create table billing.usage_event (
    workspace_id uuid not null,
    id text not null,
    meter text not null,
    quantity bigint not null check (quantity >= 0),
    subject text,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    primary key (workspace_id, id)
);
create index usage_event_by_meter on billing.usage_event (workspace_id, meter, occurred_at) include (quantity, subject, id);
select platform.protect('billing.usage_event');
revoke update, delete on billing.usage_event from m_billing;

-- What was billed of a meter for a period: one row when it is closed, and one more each time late usage changed it.
create table billing.usage_closing (
    workspace_id uuid not null,
    meter text not null,
    period_start timestamptz not null,
    period_end timestamptz not null check (period_end > period_start),
    revision bigint not null check (revision > 0),
    value bigint not null,
    closed_at timestamptz not null,
    primary key (workspace_id, meter, period_start, revision)
);
select platform.protect('billing.usage_closing');
revoke update, delete on billing.usage_closing from m_billing;

-- What vendors charged for something the workspace was charged credits for, in billionths of a dollar.
create table billing.vendor_cost (
    workspace_id uuid not null,
    key text not null,
    purpose text not null,
    cost_nano bigint not null check (cost_nano >= 0),
    occurred_at timestamptz not null,
    primary key (workspace_id, key)
);
create index vendor_cost_by_time on billing.vendor_cost (workspace_id, occurred_at) include (purpose, cost_nano);
create index vendor_cost_recent on billing.vendor_cost (occurred_at);
select platform.protect('billing.vendor_cost');
select platform.allow_system_scan('billing.vendor_cost');
revoke update, delete on billing.vendor_cost from m_billing;

-- The least that is to be left of what credits earn, in basis points, and what happens below it.
create table billing.margin_floor (
    workspace_id uuid primary key,
    floor_bps bigint not null check (floor_bps between -100000 and 10000),
    reaction text not null check (reaction in ('tell', 'reroute', 'stop')),
    updated_at timestamptz not null
);
select platform.protect('billing.margin_floor');

-- A purpose below its floor, until it is above again or an operator lets it go.
create table billing.margin_breach (
    workspace_id uuid not null,
    purpose text not null,
    since timestamptz not null,
    margin_bps bigint not null,
    reaction text not null,
    primary key (workspace_id, purpose)
);
select platform.protect('billing.margin_breach');
