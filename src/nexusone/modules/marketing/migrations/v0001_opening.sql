create table marketing.template (
    workspace_id uuid not null,
    id uuid not null,
    name text not null,
    channel text not null check (channel in ('email')),
    default_locale text not null,
    version integer not null check (version > 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (workspace_id, id)
);
select platform.protect('marketing.template');

-- What was sent can always be looked up: a version is written once and never changed.
create table marketing.template_version (
    workspace_id uuid not null,
    template_id uuid not null,
    version integer not null check (version > 0),
    default_locale text not null,
    variants jsonb not null,
    created_at timestamptz not null,
    primary key (workspace_id, template_id, version),
    foreign key (workspace_id, template_id) references marketing.template (workspace_id, id)
);
select platform.protect('marketing.template_version');
revoke update, delete on marketing.template_version from m_marketing;

create table marketing.campaign (
    workspace_id uuid not null,
    id uuid not null,
    name text not null,
    template_id uuid not null,
    -- Fixed when the campaign is sent; later edits of the template do not touch it.
    template_version integer,
    segment_id uuid not null,
    from_name text not null,
    from_email text not null,
    status text not null
    check (status in ('draft', 'preparing', 'sending', 'paused', 'sent', 'cancelled', 'failed')),
    -- Names the campaign's mail in deliveries, tokens and Message-IDs.
    message_id uuid not null,
    version integer not null default 1,
    credits_per_email_micros bigint check (credits_per_email_micros >= 0),
    -- Parts of the snapshot that are written; all of them when snapshot_at is set.
    snapshot_parts integer,
    snapshot_parts_done integer not null default 0,
    snapshot_at timestamptz,
    hold_key text,
    recipients bigint,
    -- Deliveries by state and skipped ones by reason, written when nothing can change any more.
    counts jsonb,
    credits_settled_micros bigint,
    failure_reason text,
    last_error text,
    last_error_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz,
    paused_at timestamptz,
    finished_at timestamptz,
    -- When the credits were settled and the counts written.
    closed_at timestamptz,
    primary key (workspace_id, id),
    unique (workspace_id, message_id),
    foreign key (workspace_id, template_id) references marketing.template (workspace_id, id),
    foreign key (workspace_id, template_id, template_version)
    references marketing.template_version (workspace_id, template_id, version)
);
create index campaign_by_template on marketing.campaign (workspace_id, template_id);
-- What the watch over unfinished campaigns reads, across workspaces.
create index campaign_unfinished on marketing.campaign (workspace_id, id)
where status in ('preparing', 'sending') or (status in ('cancelled', 'failed') and closed_at is null);
select platform.protect('marketing.campaign');
select platform.allow_system_scan('marketing.campaign');

-- One row per recipient of a message: the only place that says what became of the mail.
create table marketing.delivery (
    workspace_id uuid not null,
    message_id uuid not null,
    contact_id uuid not null,
    -- Counts repeated sends of one message to one contact, from 0.
    occurrence integer not null default 0 check (occurrence >= 0),
    state text not null
    check (state in ('queued', 'claimed', 'handing_over', 'sent', 'failed', 'unknown', 'skipped')),
    reason text,
    address text,
    -- The variant that the contact gets.
    locale text,
    due_at timestamptz not null,
    lease_until timestamptz,
    fence bigint not null default 0,
    attempts integer not null default 0,
    code integer,
    vendor_reference text,
    sent_at timestamptz,
    first_opened_at timestamptz,
    first_clicked_at timestamptz,
    unsubscribed_at timestamptz,
    open_count integer not null default 0,
    click_count integer not null default 0,
    primary key (workspace_id, message_id, contact_id, occurrence)
) with (fillfactor = 70);
create index delivery_queued on marketing.delivery (workspace_id, message_id, due_at) where state = 'queued';
create index delivery_leased on marketing.delivery (workspace_id, message_id, lease_until)
where state in ('claimed', 'handing_over');
create index delivery_by_contact on marketing.delivery (workspace_id, contact_id);
select platform.protect('marketing.delivery');

-- The tracked links of a message. A position is unique over all locales: it is the link number in the tokens.
-- `url` may hold Liquid, which is resolved for the contact.
create table marketing.link (
    workspace_id uuid not null,
    message_id uuid not null,
    position integer not null check (position between 0 and 65535),
    locale text not null,
    url text not null,
    primary key (workspace_id, message_id, position)
);
select platform.protect('marketing.link');

-- Hits as they came in; append-only.
create table marketing.engagement (
    workspace_id uuid not null,
    id uuid not null,
    occurred_at timestamptz not null,
    message_id uuid not null,
    contact_id uuid not null,
    occurrence integer not null,
    kind text not null check (kind in ('open', 'click', 'unsubscribe')),
    link_position integer,
    user_agent text,
    ip_hash bytea,
    primary key (workspace_id, id)
);
create index engagement_by_message on marketing.engagement (workspace_id, message_id, occurred_at);
create index engagement_by_contact on marketing.engagement (workspace_id, contact_id, occurred_at);
select platform.protect('marketing.engagement');
revoke update, delete on marketing.engagement from m_marketing;
