"""Generations of every kind: pictures, speech and films beside texts; prices as the catalog has them."""

from nexusone.platform.schema import run_beside

revision = "ai_0003"
down_revision = "ai_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
