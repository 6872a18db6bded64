-- An asset outlives what it was made of and by, so neither `generation_id` nor `source_asset_id` refers to a row.
create table ai.asset (
    workspace_id uuid not null,
    id uuid not null,
    kind text not null check (kind in ('image', 'audio', 'video')),
    media_type text not null,
    size_bytes bigint not null check (size_bytes > 0),
    width integer check (width > 0),
    height integer check (height > 0),
    duration_ms bigint check (duration_ms > 0),
    name text not null,
    alt_text text,
    blob_key text not null,
    thumbnail_key text,
    sha256 bytea not null,
    origin text not null check (origin in ('generated', 'uploaded', 'derived')),
    generation_id uuid,
    place integer check (place >= 0),
    source_asset_id uuid,
    is_ai_generated boolean not null,
    has_manifest boolean not null,
    version integer not null default 1,
    created_by text not null,
    created_at timestamptz not null,
    primary key (workspace_id, id),
    check ((origin = 'generated') = (generation_id is not null)),
    check ((generation_id is null) = (place is null)),
    check ((origin = 'derived') = (source_asset_id is not null))
);
create index asset_kind on ai.asset (workspace_id, kind, id);
create index asset_size on ai.asset (workspace_id) include (size_bytes);
select platform.protect('ai.asset');
select platform.allow_system_scan('ai.asset');
