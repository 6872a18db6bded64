alter table ai.generation
add column edits integer not null default 0,
-- Whether any of them changed a word; one that did not still says who answers for the text.
add column is_human_edited boolean not null default false,
add column edited_by text,
add column edited_at timestamptz,
add column disposition text check (disposition in ('used', 'discarded')),
add column disposed_by text,
add column disposed_at timestamptz;

-- Who answers for a text can always be shown: an edit is written once and never changed.
create table ai.generation_edit (
    workspace_id uuid not null,
    generation_id uuid not null,
    number integer not null check (number > 0),
    output text not null,
    diff text not null,
    edited_by text not null,
    edited_at timestamptz not null,
    primary key (workspace_id, generation_id, number),
    foreign key (workspace_id, generation_id) references ai.generation (workspace_id, id)
);
select platform.protect('ai.generation_edit');
revoke update, delete on ai.generation_edit from m_ai;
