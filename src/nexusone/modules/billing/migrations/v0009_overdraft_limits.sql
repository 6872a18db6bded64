-- squawk-ignore-file constraint-missing-not-valid
-- Versions of plans are a handful of rows.
alter table billing.plan_version
add column overdraft_micros bigint not null default 0 check (overdraft_micros >= 0);
