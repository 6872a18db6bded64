"""Contacts, segments, imports, suppressions."""

from nexusone.platform.schema import run_beside

revision = "audience_0001"
down_revision = None
branch_labels = ("audience",)
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
