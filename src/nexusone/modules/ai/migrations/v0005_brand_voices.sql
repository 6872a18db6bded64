create table ai.brand_voice (
    workspace_id uuid not null,
    id uuid not null,
    version integer not null check (version > 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (workspace_id, id)
);
select platform.protect('ai.brand_voice');

-- What was generated in a voice can always be explained: a version is written once and never changed.
create table ai.brand_voice_version (
    workspace_id uuid not null,
    voice_id uuid not null,
    version integer not null check (version > 0),
    content jsonb not null,
    created_at timestamptz not null,
    created_by text not null,
    primary key (workspace_id, voice_id, version),
    foreign key (workspace_id, voice_id) references ai.brand_voice (workspace_id, id)
);
select platform.protect('ai.brand_voice_version');
revoke update, delete on ai.brand_voice_version from m_ai;

-- The primary key is the rule: a workspace has one default at most, whoever sets it at the same time.
create table ai.brand_voice_default (
    workspace_id uuid not null,
    voice_id uuid not null,
    primary key (workspace_id),
    foreign key (workspace_id, voice_id) references ai.brand_voice (workspace_id, id)
);
select platform.protect('ai.brand_voice_default');
