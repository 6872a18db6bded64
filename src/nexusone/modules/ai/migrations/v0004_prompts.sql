create table ai.prompt_template (
    workspace_id uuid not null,
    id uuid not null,
    version integer not null check (version > 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (workspace_id, id)
);
select platform.protect('ai.prompt_template');

-- What was generated from a version can always be explained: it is written once and never changed.
create table ai.prompt_template_version (
    workspace_id uuid not null,
    template_id uuid not null,
    version integer not null check (version > 0),
    name text not null,
    default_locale text not null,
    variables jsonb not null,
    texts jsonb not null,
    created_at timestamptz not null,
    created_by text not null,
    primary key (workspace_id, template_id, version),
    foreign key (workspace_id, template_id) references ai.prompt_template (workspace_id, id)
);
select platform.protect('ai.prompt_template_version');
revoke update, delete on ai.prompt_template_version from m_ai;
