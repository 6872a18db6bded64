-- What a lane's turn has mailed and billing has not been told yet; counted with the outcomes, gone once it was told.
create table marketing.mail_count (
    workspace_id uuid not null,
    message_id uuid not null,
    turn_id uuid not null,
    messages bigint not null check (messages > 0),
    counted_at timestamptz not null,
    primary key (workspace_id, message_id, turn_id)
);
select platform.protect('marketing.mail_count');
