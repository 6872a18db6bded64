-- squawk-ignore-file constraint-missing-not-valid
-- Closings are a row a meter and period, and nothing writes them while this runs.
-- Beyond what is included for each month and piece, every begun package of `per` units costs `amount`.
create table billing.plan_usage_price (
    plan_version_id uuid not null references billing.plan_version (id),
    list_code text not null references billing.price_list (code),
    meter text not null,
    included bigint not null check (included >= 0),
    per bigint not null check (per > 0),
    amount bigint not null check (amount >= 0),
    primary key (plan_version_id, list_code, meter)
);
revoke update, delete on billing.plan_usage_price from m_billing;

-- What the period was billed at, so that what comes late costs what it would have cost in time; null: it was not billed.
alter table billing.usage_closing
add column currency text check (currency ~ '^[A-Z]{3}$'),
add column included bigint check (included >= 0),
add column per bigint check (per > 0),
add column unit_amount bigint check (unit_amount >= 0),
add check (num_nulls(currency, included, per, unit_amount) in (0, 4));
