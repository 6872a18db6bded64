-- Compared with the workspace's own key: `margin_percent` is then the fee, and the vendor charges nobody but the workspace.
alter table ai.knowledge_indexing add column is_own_key boolean not null default false;
