-- squawk-ignore-file ban-drop-column, ban-drop-constraint, constraint-missing-not-valid, ban-drop-not-null, adding-required-field
-- squawk-ignore-file require-concurrent-index-creation, adding-not-nullable-field
-- Nothing generates while this runs, so it may lock what it changes; the columns that go have become rows of `prices`.
alter table ai.generation
drop constraint generation_kind_check,
drop constraint generation_status_check,
add constraint generation_kind_check check (kind in ('text', 'image', 'voice', 'video')),
add constraint generation_status_check check (status in ('queued', 'running', 'succeeded', 'failed', 'canceled', 'unknown')),
alter column locale drop not null,
-- What was asked for, whole; texts written before it was kept have none.
add column request jsonb,
-- What the hold and the charge are reckoned by: prices as promised, and what of the request they depend on.
add column prices jsonb,
add column traits jsonb not null default '{}',
add column images bigint not null default 0,
add column seconds bigint not null default 0,
add column characters bigint not null default 0,
add column requests bigint not null default 0,
-- What the vendor says that it charged, in billionths of a dollar; null: by the prices.
add column cost_nano bigint,
-- Models to ask after this one failed, in order, and which one of the chain is asked now.
add column fallbacks text [] not null default '{}',
add column progress integer check (progress between 0 and 100),
add column looks integer not null default 0,
add column cancel_asked_at timestamptz,
add column asset_ids uuid [] not null default '{}',
add column safety jsonb,
add column retry_of uuid,
-- Asked for with a test key: whoever looks after it reaches simulators only.
add column is_test boolean not null default false,
-- The larger work that it is part of; caps per job count by it.
add column job text,
-- The rules it is written by, as they were when it was asked for, and the passages given along.
add column instructions text,
add column brand_voice_id uuid,
add column sources jsonb;
update ai.generation
set prices = jsonb_build_array(
    jsonb_build_object('unit', 'input_token', 'micros', input_price_micros, 'per', 1000000, 'when', '{}'::jsonb),
    jsonb_build_object('unit', 'output_token', 'micros', output_price_micros, 'per', 1000000, 'when', '{}'::jsonb)
);
alter table ai.generation
alter column prices set not null,
drop column input_price_micros,
drop column output_price_micros;
create index generation_running on ai.generation (workspace_id) where status = 'running';
