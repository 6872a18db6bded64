"""Subscriptions, their periods and dunning."""

from nexusone.platform.schema import run_beside

revision = "billing_0004"
down_revision = "billing_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
