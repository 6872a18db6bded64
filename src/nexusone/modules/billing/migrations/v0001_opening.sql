-- Each column is the sum of the workspace's entries of that account. granted and overdraft are sources and stand below zero,
-- so the row sums to zero. It is one row because balances as several rows deadlock, and its lock is what puts a workspace's
-- bookings in order: whoever books locks hold, account, grants, in this order.
create table billing.account (
    workspace_id uuid primary key,
    granted_micros bigint not null check (granted_micros <= 0),
    available_micros bigint not null check (available_micros >= 0),
    held_micros bigint not null default 0 check (held_micros >= 0),
    spent_micros bigint not null default 0 check (spent_micros >= 0),
    overdraft_micros bigint not null default 0 check (overdraft_micros <= 0),
    expired_micros bigint not null default 0 check (expired_micros >= 0),
    created_at timestamptz not null,
    check (granted_micros + available_micros + held_micros + spent_micros + overdraft_micros + expired_micros = 0)
) with (fillfactor = 50);
select platform.protect('billing.account');
select platform.allow_system_scan('billing.account');

create table billing.grant_ (
    workspace_id uuid not null,
    id uuid not null,
    source text not null,
    priority bigint not null,
    amount_micros bigint not null check (amount_micros > 0),
    remaining_micros bigint not null check (remaining_micros between 0 and amount_micros),
    -- Indexed instead of remaining_micros, which changes at every booking and would make each a new index entry.
    is_open boolean not null generated always as (remaining_micros > 0) stored,
    expires_at timestamptz,
    created_at timestamptz not null,
    primary key (workspace_id, id)
) with (fillfactor = 50);
create index grant_burn_order on billing.grant_ (workspace_id, priority, expires_at, id) where is_open;
create index grant_due on billing.grant_ (expires_at) where is_open and expires_at is not null;
select platform.protect('billing.grant_');
select platform.allow_system_scan('billing.grant_');

-- grant_ids and grant_micros say what was taken from which grant; settling uses them up from the first on.
create table billing.hold (
    workspace_id uuid not null,
    key text not null,
    id uuid not null,
    purpose text not null,
    amount_micros bigint not null check (amount_micros > 0),
    settled_micros bigint not null default 0 check (settled_micros between 0 and amount_micros),
    closing_micros bigint,
    state text not null check (state in ('held', 'settled', 'released', 'expired')),
    grant_ids uuid [] not null,
    grant_micros bigint [] not null check (cardinality(grant_micros) = cardinality(grant_ids)),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    resolved_at timestamptz,
    primary key (workspace_id, key)
) with (fillfactor = 70);
create index hold_due on billing.hold (expires_at) where state = 'held';
select platform.protect('billing.hold');
select platform.allow_system_scan('billing.hold');

create table billing.transfer (
    workspace_id uuid not null,
    id uuid not null,
    key text not null,
    kind text not null,
    subject_key text not null,
    purpose text not null,
    amount_micros bigint not null check (amount_micros > 0),
    created_at timestamptz not null,
    primary key (workspace_id, id),
    unique (workspace_id, key)
);
select platform.protect('billing.transfer');
revoke update, delete on billing.transfer from m_billing;

-- No foreign key to the transfer: the statement that writes the lines writes it too, neither can be changed afterwards,
-- and the check would cost a look-up for each line of every booking.
create table billing.entry (
    workspace_id uuid not null,
    id bigint generated always as identity,
    transfer_id uuid not null,
    account text not null check (account in ('granted', 'available', 'held', 'spent', 'overdraft', 'expired')),
    grant_id uuid,
    amount_micros bigint not null check (amount_micros <> 0),
    primary key (workspace_id, id)
);
select platform.protect('billing.entry');
revoke update, delete on billing.entry from m_billing;

-- Of what a hold took from its grants in order, the part between two sums: used between from and until, rest between until and upto.
create function billing.slices(
    grant_ids uuid [], grant_micros bigint [], used_from bigint, used_until bigint, rest_until bigint
) returns table (grant_id uuid, used bigint, rest bigint)
language plpgsql immutable set search_path = '' as $$
declare
    start bigint := 0;
    stop bigint;
begin
    for i in 1 .. cardinality(grant_ids) loop
        stop := start + grant_micros[i];
        grant_id := grant_ids[i];
        used := greatest(0, least(stop, used_until) - greatest(start, used_from));
        rest := greatest(0, least(stop, rest_until) - greatest(start, used_until));
        if used + rest > 0 then
            return next;
        end if;
        start := stop;
    end loop;
end $$;

-- Takes up to an amount from the living grants in burn order and says what it took from which; the caller has locked the account.
create function billing.take_from_grants(of_workspace uuid, wanted bigint, at_time timestamptz)
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
        update billing.grant_ as g set remaining_micros = g.remaining_micros - taken
        where g.workspace_id = of_workspace and g.id = found_grant.id;
        missing := missing - taken;
        return next;
    end loop;
end $$;

-- Undoes a statement that is alone in its transaction; its caller then takes the longer way.
create function billing.give_way() returns boolean
language plpgsql volatile set search_path = '' as $$
begin
    raise exception 'the short way does not lead there' using errcode = 'serialization_failure';
end $$;
