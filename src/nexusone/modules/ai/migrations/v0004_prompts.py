"""Prompt templates and their versions."""

from nexusone.platform.schema import run_beside

revision = "ai_0004"
down_revision = "ai_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
