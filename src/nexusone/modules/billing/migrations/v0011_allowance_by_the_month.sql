-- Null: that of the whole period was granted when it began.
alter table billing.subscription add column allowed_until timestamptz;
