create table ai.knowledge_collection (
    workspace_id uuid not null,
    id uuid not null,
    name text not null,
    description text not null,
    -- Vectors of two models cannot be compared, so a collection stays with one.
    model text not null,
    dimensions integer not null check (dimensions > 0),
    version integer not null check (version > 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (workspace_id, id)
);
select platform.protect('ai.knowledge_collection');

-- `revision` numbers the content that was given last, `indexed_revision` the one that searches find.
create table ai.knowledge_document (
    workspace_id uuid not null,
    id uuid not null,
    collection_id uuid not null,
    title text not null,
    kind text not null check (kind in ('text', 'markdown', 'html')),
    locale text,
    source_url text,
    content_hash bytea not null,
    revision integer not null check (revision > 0),
    indexed_revision integer,
    indexing_id uuid not null,
    version integer not null check (version > 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (workspace_id, id),
    foreign key (workspace_id, collection_id) references ai.knowledge_collection (workspace_id, id)
);
create index knowledge_document_by_collection on ai.knowledge_document (workspace_id, collection_id, id);
select platform.protect('ai.knowledge_document');

create table ai.knowledge_passage (
    workspace_id uuid not null,
    document_id uuid not null,
    revision integer not null check (revision > 0),
    position integer not null check (position >= 0),
    collection_id uuid not null,
    heading text not null,
    text text not null,
    embedding extensions.halfvec,
    primary key (workspace_id, document_id, revision, position),
    foreign key (workspace_id, document_id) references ai.knowledge_document (workspace_id, id)
);
-- A search reads every vector of the workspace: in the row they are read in passing, out of it one by one.
alter table ai.knowledge_passage alter column embedding set storage plain;
create index knowledge_passage_by_collection on ai.knowledge_passage (workspace_id, collection_id);
select platform.protect('ai.knowledge_passage');

-- One paid indexing of one revision. It outlives its document, because what was used is still paid for.
-- `due_at` is when somebody must look after it; null once nothing is open any more.
create table ai.knowledge_indexing (
    workspace_id uuid not null,
    id uuid not null,
    document_id uuid not null,
    revision integer not null check (revision > 0),
    status text not null check (status in ('queued', 'running', 'done', 'failed')),
    settlement text not null check (settlement in ('held', 'due', 'done')),
    requested_by text not null,
    model text not null,
    dimensions integer not null,
    price_micros bigint not null,
    price_per bigint not null,
    credits_per_dollar bigint not null,
    margin_percent bigint not null,
    held_micros bigint not null check (held_micros > 0),
    charged_micros bigint not null default 0 check (charged_micros between 0 and held_micros),
    attempts integer not null default 0,
    input_tokens bigint not null default 0,
    error_code text,
    error_detail text,
    created_at timestamptz not null,
    finished_at timestamptz,
    due_at timestamptz,
    primary key (workspace_id, id)
);
create index knowledge_indexing_due on ai.knowledge_indexing (due_at) where due_at is not null;
select platform.protect('ai.knowledge_indexing');
select platform.allow_system_scan('ai.knowledge_indexing');
