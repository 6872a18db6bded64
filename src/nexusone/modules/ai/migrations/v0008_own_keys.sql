-- squawk-ignore-file require-concurrent-index-creation
-- Credentials at vendors, sealed by the vault; they leave the table only towards the vendor. `fields` names what is sealed.
create table ai.vendor_key (
    workspace_id uuid not null,
    vendor text not null,
    id uuid not null,
    fields text [] not null,
    sealed_credentials bytea not null,
    address text,
    version integer not null check (version > 0),
    created_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    tested_at timestamptz,
    test_code text,
    primary key (workspace_id, vendor)
);
select platform.protect('ai.vendor_key');

alter table ai.generation
-- Made with the workspace's own key: `margin_percent` is then the fee, and the vendor charges nobody but the workspace.
add column is_own_key boolean not null default false,
-- When its present model was asked.
add column called_at timestamptz;
-- Which models were used of late is asked once a day over all workspaces; rows come in the order of their time.
create index generation_created on ai.generation using brin (created_at);
