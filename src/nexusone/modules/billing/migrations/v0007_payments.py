"""Payments, refunds, saved methods, what the vendors told."""

from nexusone.platform.schema import run_beside

revision = "billing_0007"
down_revision = "billing_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
