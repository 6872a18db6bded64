-- There is no ledger yet that is served while this runs, so it may lock what it changes.
-- squawk-ignore-file require-concurrent-index-creation, require-concurrent-index-deletion, ban-drop-constraint, constraint-missing-not-valid
-- squawk-ignore-file ban-create-domain-with-constraint, changing-column-type, ban-drop-generated-expression
-- A CHECK is read anew from the catalog by every statement that writes, a domain's is kept by the session; so lists of words are domains,
-- and each hot table has one CHECK, as short as it can be said.
create domain billing.ledger_account as text
check (value in ('granted', 'available', 'held', 'spent', 'overdraft', 'expired'));
create domain billing.hold_state as text check (value in ('held', 'settled', 'released', 'expired'));

alter table billing.entry drop constraint entry_account_check, alter column account type billing.ledger_account;
create index entry_spent_by_grant on billing.entry (workspace_id, grant_id, id) where account = 'spent';

-- watch_below_micros: the highest threshold of unspent credits (available and held) that is not yet crossed, for alerts or top-up.
alter table billing.account
drop constraint account_check,
drop constraint account_available_micros_check,
drop constraint account_expired_micros_check,
drop constraint account_granted_micros_check,
drop constraint account_held_micros_check,
drop constraint account_overdraft_micros_check,
drop constraint account_spent_micros_check,
add column overdraft_limit_micros bigint not null default 0,
add column watch_below_micros bigint not null default 0,
add column is_watched boolean not null default false,
add column has_caps boolean not null default false,
add constraint account_sound check (
    granted_micros + available_micros + held_micros + spent_micros + overdraft_micros + expired_micros = 0
    and least(
        available_micros, held_micros, spent_micros, expired_micros, -granted_micros, -overdraft_micros, overdraft_limit_micros,
        watch_below_micros
    ) >= 0
);

-- A generated column is reckoned from the catalog as well.
alter table billing.grant_ alter column is_open drop expression;
alter table billing.grant_
drop constraint grant__amount_micros_check,
drop constraint grant__check,
add constraint grant_sound check (remaining_micros between 0 and amount_micros and is_open = (remaining_micros > 0));

-- What is left of a grant when it expires, at most max_micros, becomes another grant with a later end.
create table billing.grant_rollover (
    workspace_id uuid not null,
    grant_id uuid not null,
    until timestamptz not null,
    max_micros bigint check (max_micros > 0),
    into_grant_id uuid,
    primary key (workspace_id, grant_id)
);
select platform.protect('billing.grant_rollover');

-- counted: the counters of caps that the hold stands in. kept_at: the outcome of the work is unknown. excess_micros: settled beyond it.
drop index billing.hold_due;
alter table billing.hold
drop constraint hold_amount_micros_check,
drop constraint hold_check,
drop constraint hold_check1,
drop constraint hold_state_check,
alter column state type billing.hold_state,
add column excess_micros bigint not null default 0,
add column counted uuid [] not null default '{}',
add column kept_at timestamptz,
add constraint hold_sound check (
    amount_micros > 0 and settled_micros between 0 and amount_micros and excess_micros >= 0
    and cardinality(grant_micros) = cardinality(grant_ids)
);
create index hold_due on billing.hold (expires_at) where state = 'held';

create or replace function billing.take_from_grants(of_workspace uuid, wanted bigint, at_time timestamptz)
returns table (grant_id uuid, taken bigint)
language plpgsql volatile set search_path = '' as $$
declare
    missing bigint := wanted;
    found_grant record;
begin
    for found_grant in
        select g.id, g.remaining_micros from billing.grant_ as g
        where g.workspace_id = of_workspace and g.is_open and (g.expires_at is null or g.expires_at > at_time)
        order by g.priority, g.expires_at, g.id
    loop
        exit when missing = 0;
        grant_id := found_grant.id;
        taken := least(missing, found_grant.remaining_micros);
        update billing.grant_ as g
        set remaining_micros = g.remaining_micros - taken, is_open = g.remaining_micros > taken
        where g.workspace_id = of_workspace and g.id = found_grant.id;
        missing := missing - taken;
        return next;
    end loop;
end $$;

-- subject '' is each member, key or job alike; a cap that names one holds for that one instead.
create table billing.cap (
    workspace_id uuid not null,
    scope text not null check (scope in ('workspace', 'member', 'api_key', 'job')),
    subject text not null,
    period text not null check (period in ('day', 'month', 'ever')),
    limit_micros bigint not null check (limit_micros >= 0),
    primary key (workspace_id, scope, subject, period)
);
select platform.protect('billing.cap');

create table billing.cap_count (
    workspace_id uuid not null,
    id uuid not null,
    scope text not null,
    subject text not null,
    period text not null,
    starts_on date not null,
    used_micros bigint not null check (used_micros >= 0),
    primary key (workspace_id, id),
    unique (workspace_id, scope, subject, period, starts_on)
);
select platform.protect('billing.cap_count');

create table billing.alert_threshold (
    workspace_id uuid not null,
    threshold_micros bigint not null check (threshold_micros > 0),
    is_armed boolean not null,
    primary key (workspace_id, threshold_micros)
);
select platform.protect('billing.alert_threshold');

-- wanted_micros: what was asked for in the month, whatever came of it.
create table billing.top_up (
    workspace_id uuid primary key,
    is_enabled boolean not null,
    threshold_micros bigint not null check (threshold_micros > 0),
    amount_micros bigint not null check (amount_micros > 0),
    monthly_max_micros bigint not null check (monthly_max_micros >= amount_micros),
    is_armed boolean not null,
    month date not null,
    wanted_micros bigint not null check (wanted_micros >= 0)
);
select platform.protect('billing.top_up');
select platform.allow_system_scan('billing.top_up');

create table billing.adjustment (
    workspace_id uuid not null,
    id uuid not null,
    key text not null,
    kind text not null check (kind in ('compensation', 'correction')),
    amount_micros bigint not null check (amount_micros <> 0),
    reason text not null,
    state text not null check (state in ('pending', 'booked', 'declined')),
    made_by uuid not null,
    made_at timestamptz not null,
    decided_by uuid,
    decided_at timestamptz,
    primary key (workspace_id, id),
    unique (workspace_id, key),
    check (state <> 'pending' or decided_by is null)
);
select platform.protect('billing.adjustment');
