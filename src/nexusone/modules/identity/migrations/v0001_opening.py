"""Workspaces, users, members, sessions, API keys."""

from nexusone.platform.schema import run_beside

revision = "identity_0001"
down_revision = None
branch_labels = ("identity",)
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
