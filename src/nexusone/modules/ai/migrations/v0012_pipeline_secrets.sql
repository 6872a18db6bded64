-- squawk-ignore-file require-concurrent-index-creation
-- Values for the headers of pipelines' calls, sealed by the vault under `id`, which is new with every value; they leave the table
-- only towards the called server.
create table ai.pipeline_secret (
    workspace_id uuid not null,
    name text not null,
    id uuid not null,
    sealed_value bytea not null,
    version integer not null check (version > 0),
    created_by text not null,
    created_at timestamptz not null,
    updated_by text not null,
    updated_at timestamptz not null,
    last_used_at timestamptz,
    primary key (workspace_id, name)
);
select platform.protect('ai.pipeline_secret');

-- Which secrets a version's steps name; versions from before there were any name none.
alter table ai.pipeline_version add column secret_names text [] not null default '{}';
