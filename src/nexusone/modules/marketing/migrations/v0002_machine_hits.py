"""Engagement tells people from machines."""

from nexusone.platform.schema import run_beside

revision = "marketing_0002"
down_revision = "marketing_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
