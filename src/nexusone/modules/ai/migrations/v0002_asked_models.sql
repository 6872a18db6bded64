-- The model that was asked for, where another wrote because the margin was too low.
alter table ai.generation add column asked_model text;
