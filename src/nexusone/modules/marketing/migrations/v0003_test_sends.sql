-- Sent off with a test key: whoever goes on with it reaches simulators only.
alter table marketing.campaign add column is_test boolean not null default false;
