"""Pipelines, their versions, runs, steps and reviews; generations that a run pays for."""

from nexusone.platform.schema import run_beside

revision = "ai_0011"
down_revision = "ai_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
