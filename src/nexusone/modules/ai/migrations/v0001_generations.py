"""Generations: what was asked, what came back, what it cost."""

from nexusone.platform.schema import run_beside

revision = "ai_0001"
down_revision = None
branch_labels = ("ai",)
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
