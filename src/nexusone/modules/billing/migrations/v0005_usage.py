"""Meters, usage and what it cost."""

from nexusone.platform.schema import run_beside

revision = "billing_0005"
down_revision = "billing_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
