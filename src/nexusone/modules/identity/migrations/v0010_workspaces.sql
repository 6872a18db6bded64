-- The tables of workspaces and members are small: one row each for a company and for a person in it.
-- squawk-ignore-file require-concurrent-index-creation, ban-drop-constraint

-- An agency's workspaces name its own as their agency. What is to be deleted waits until `delete_at`, and may come back until then.
alter table identity.workspace
add column version bigint not null default 1,
add column agency_id uuid,
add column suspended_at timestamptz,
add column delete_at timestamptz,
add column exported_at timestamptz;
create index workspace_by_agency on identity.workspace (agency_id) where agency_id is not null;
create index workspace_by_deletion on identity.workspace (delete_at) where delete_at is not null;

create table identity.role (
    workspace_id uuid not null references identity.workspace (workspace_id) on delete cascade,
    id uuid not null,
    name text not null,
    permissions text [] not null,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (workspace_id, id),
    unique (workspace_id, name)
);
select platform.protect('identity.role');
select platform.allow_system_scan('identity.role');

alter table identity.member
drop constraint member_role_check,
add column custom_role_id uuid,
add constraint member_role check (
    role in ('owner', 'admin', 'marketer', 'merchant', 'analyst', 'developer', 'billing', 'viewer', 'custom')
) not valid,
add constraint member_custom_role check ((role = 'custom') = (custom_role_id is not null)) not valid,
add foreign key (workspace_id, custom_role_id) references identity.role (workspace_id, id) not valid;
create index member_by_custom_role on identity.member (workspace_id, custom_role_id) where custom_role_id is not null;

-- The secret of an invitation is made when its mail is written; until then nobody can accept it.
create table identity.invitation (
    workspace_id uuid not null references identity.workspace (workspace_id) on delete cascade,
    id uuid not null,
    email text not null,
    role text not null,
    custom_role_id uuid,
    locale text not null,
    invited_by uuid,
    secret_hash bytea,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    accepted_at timestamptz,
    withdrawn_at timestamptz,
    primary key (workspace_id, id),
    foreign key (workspace_id, custom_role_id) references identity.role (workspace_id, id) on delete cascade
);
create unique index invitation_open on identity.invitation (workspace_id, email) where accepted_at is null and withdrawn_at is null;
create index invitation_by_custom_role on identity.invitation (workspace_id, custom_role_id) where custom_role_id is not null;
select platform.protect('identity.invitation');

create table identity.ownership_transfer (
    workspace_id uuid not null references identity.workspace (workspace_id) on delete cascade,
    giver_id uuid not null,
    receiver_id uuid not null,
    offered_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (workspace_id),
    foreign key (workspace_id, giver_id) references identity.member (workspace_id, user_id) on delete cascade,
    foreign key (workspace_id, receiver_id) references identity.member (workspace_id, user_id) on delete cascade
);
create index ownership_transfer_by_giver on identity.ownership_transfer (workspace_id, giver_id);
create index ownership_transfer_by_receiver on identity.ownership_transfer (workspace_id, receiver_id);
select platform.protect('identity.ownership_transfer');

alter table identity.api_key
add column mode text not null default 'test' check (mode in ('test', 'live')),
add column allowed_networks cidr [] not null default '{}',
add column previous_hash bytea,
add column previous_until timestamptz,
add column rotated_at timestamptz,
add column used_at timestamptz,
add column used_from text;

-- Who may see a segment or campaign that not everybody may see: one person, or everybody of a role. A line outlives its
-- person's membership, because an object whose last line went would be open to all.
create table identity.object_grant (
    workspace_id uuid not null references identity.workspace (workspace_id) on delete cascade,
    id uuid not null,
    object_kind text not null check (object_kind in ('segment', 'campaign')),
    object_id uuid not null,
    user_id uuid,
    role text,
    level text not null check (level in ('view', 'edit')),
    created_at timestamptz not null,
    primary key (workspace_id, id),
    check ((user_id is null) <> (role is null))
);
create unique index object_grant_by_object on identity.object_grant (workspace_id, object_kind, object_id, user_id, role) nulls not distinct;
select platform.protect('identity.object_grant');

-- Staff: people of the operating company. They are no users, belong to no workspace, and sign in at a door of their own.
create table identity.operator (
    id uuid primary key,
    email text not null unique,
    name text not null,
    password_hash text not null,
    created_at timestamptz not null,
    disabled_at timestamptz
);

-- A visit of an operator in a workspace, in the place of one of its members.
create table identity.impersonation (
    workspace_id uuid not null references identity.workspace (workspace_id) on delete cascade,
    id uuid not null,
    operator_id uuid not null references identity.operator (id),
    user_id uuid not null,
    reason text not null,
    ticket text not null,
    started_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    elevated_at timestamptz,
    elevation_reason text,
    primary key (workspace_id, id),
    check (expires_at <= started_at + interval '1 hour'),
    foreign key (workspace_id, user_id) references identity.member (workspace_id, user_id) on delete cascade
);
create index impersonation_by_operator on identity.impersonation (operator_id);
create index impersonation_by_user on identity.impersonation (workspace_id, user_id);
select platform.protect('identity.impersonation');
