"""Exports and erases all rows of a workspace."""

from nexusone.platform.schema import run_beside

revision = "platform_0010"
down_revision = "platform_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
