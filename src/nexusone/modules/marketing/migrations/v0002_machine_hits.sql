-- Scanners, prefetches and HEAD are kept, but count for nothing.
alter table marketing.engagement add column is_machine boolean not null default false;
