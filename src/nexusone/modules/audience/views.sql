create or replace view audience.contact_v1 as
select
    workspace_id,
    id,
    external_id,
    email,
    phone,
    first_name,
    last_name,
    locale,
    timezone,
    country,
    attributes,
    created_at,
    updated_at,
    email_status
from audience.contact;

create or replace view audience.segment_v1 as
select workspace_id, id, name, definition, version, created_at, updated_at
from audience.segment;
