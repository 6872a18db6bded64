"""Campaigns that only ever reach simulators."""

from nexusone.platform.schema import run_beside

revision = "marketing_0003"
down_revision = "marketing_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
