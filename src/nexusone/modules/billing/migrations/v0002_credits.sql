-- A grant may roll over: at its end, what is left (at most a maximum) becomes another grant with a later end.
alter table billing.grant_
add column rolls_over_until timestamptz check (rolls_over_until > expires_at),
add column rollover_max_micros bigint check (rollover_max_micros > 0),
add column rolled_from uuid;

-- watch_below_micros: the highest threshold of unspent credits (available and held) that is not yet crossed, for alerts or top-up.
alter table billing.account
add column overdraft_limit_micros bigint not null default 0 check (overdraft_limit_micros >= 0),
add column has_caps boolean not null default false,
add column is_watched boolean not null default false,
add column watch_below_micros bigint not null default 0 check (watch_below_micros >= 0);
