"""Runs the revisions on the connection that `platform.schema` gives."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="migration",
    version_table_schema="platform",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
