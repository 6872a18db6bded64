-- squawk-ignore-file require-concurrent-index-creation
-- Nothing generates while this runs, so the index may be made in one go.
alter table ai.generation add column funding text;
create index generation_job on ai.generation (workspace_id, job) where job is not null;

create table ai.pipeline (
    workspace_id uuid not null,
    id uuid not null,
    version integer not null check (version > 0),
    published_version integer,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (workspace_id, id)
);
select platform.protect('ai.pipeline');

-- What ran can always be explained: a version is written once and never changed.
create table ai.pipeline_version (
    workspace_id uuid not null,
    pipeline_id uuid not null,
    version integer not null check (version > 0),
    name text not null,
    definition jsonb not null,
    created_at timestamptz not null,
    created_by text not null,
    primary key (workspace_id, pipeline_id, version),
    foreign key (workspace_id, pipeline_id) references ai.pipeline (workspace_id, id)
);
select platform.protect('ai.pipeline_version');
revoke update, delete on ai.pipeline_version from m_ai;

-- `due_at` is when somebody must look after the run again; null once it has ended and its credits are settled.
create table ai.pipeline_run (
    workspace_id uuid not null,
    id uuid not null,
    pipeline_id uuid not null,
    version integer not null,
    status text not null check (status in ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    settlement text not null check (settlement in ('open', 'done')),
    inputs jsonb not null,
    feedback text not null default '',
    budget text not null check (budget in ('whole', 'per_step')),
    budget_micros bigint not null check (budget_micros >= 0),
    holds integer not null default 1,
    held_micros bigint not null default 0,
    started_by_kind text not null,
    started_by_id uuid,
    is_test boolean not null,
    error_code text,
    error_detail text,
    created_at timestamptz not null,
    deadline_at timestamptz not null,
    finished_at timestamptz,
    due_at timestamptz,
    primary key (workspace_id, id),
    foreign key (workspace_id, pipeline_id, version) references ai.pipeline_version (workspace_id, pipeline_id, version)
);
create index pipeline_run_due on ai.pipeline_run (due_at) where due_at is not null;
create index pipeline_run_pipeline on ai.pipeline_run (workspace_id, pipeline_id, id);
select platform.protect('ai.pipeline_run');
select platform.allow_system_scan('ai.pipeline_run');

-- One row a step (`item` -1), and one for each thing that it is done for. `tries` counts every begin and never goes back,
-- `attempts` those since the last reset; `reserved_micros` is promised to a generation that is about to begin.
create table ai.pipeline_step_run (
    workspace_id uuid not null,
    run_id uuid not null,
    step text not null,
    item integer not null,
    place integer not null,
    kind text not null,
    is_fan boolean not null,
    is_tolerated boolean not null,
    depends_on text[] not null,
    state text not null check (state in ('waiting', 'running', 'awaiting_approval', 'succeeded', 'skipped', 'failed', 'canceled')),
    item_key text,
    item_value jsonb,
    tries integer not null default 0,
    attempts integer not null default 0,
    inputs_hash bytea,
    output jsonb,
    generation_id uuid,
    is_called boolean not null default false,
    bound_micros bigint not null default 0,
    reserved_micros bigint not null default 0,
    error_code text,
    error_detail text,
    ready_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    due_at timestamptz,
    primary key (workspace_id, run_id, step, item),
    foreign key (workspace_id, run_id) references ai.pipeline_run (workspace_id, id)
);
create index pipeline_step_run_generation on ai.pipeline_step_run (workspace_id, generation_id) where generation_id is not null;
select platform.protect('ai.pipeline_step_run');

-- `content_hash` is of what was shown: what was decided stands, and on what.
create table ai.pipeline_review (
    workspace_id uuid not null,
    id uuid not null,
    run_id uuid not null,
    step text not null,
    item integer not null,
    title text not null,
    content jsonb not null,
    asset_ids uuid[] not null,
    content_hash bytea not null,
    state text not null check (state in ('open', 'approved', 'rejected', 'changes_requested', 'expired', 'withdrawn')),
    reviewer_name text,
    reviewer_label text,
    decided_at timestamptz,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (workspace_id, id),
    foreign key (workspace_id, run_id) references ai.pipeline_run (workspace_id, id)
);
create index pipeline_review_run on ai.pipeline_review (workspace_id, run_id, id);
select platform.protect('ai.pipeline_review');

create table ai.pipeline_review_comment (
    workspace_id uuid not null,
    id uuid not null,
    review_id uuid not null,
    author_name text not null,
    author_label text,
    text text not null,
    created_at timestamptz not null,
    primary key (workspace_id, id),
    foreign key (workspace_id, review_id) references ai.pipeline_review (workspace_id, id)
);
create index pipeline_review_comment_review on ai.pipeline_review_comment (workspace_id, review_id, id);
select platform.protect('ai.pipeline_review_comment');
revoke update, delete on ai.pipeline_review_comment from m_ai;
