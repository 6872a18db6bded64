-- squawk-ignore-file constraint-missing-not-valid
-- The member or key that held, and the job: '<scope>:<subject>'.
alter table billing.hold
add column subjects text [] not null default '{}';

-- What was resolved in the window before the cap was set; it changes no more, so those holds do not name the counter.
alter table billing.cap_count
add column opening_micros bigint not null default 0;
