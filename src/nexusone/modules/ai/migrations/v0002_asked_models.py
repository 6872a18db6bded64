"""Generations that another model wrote than was asked for."""

from nexusone.platform.schema import run_beside

revision = "ai_0002"
down_revision = "ai_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
