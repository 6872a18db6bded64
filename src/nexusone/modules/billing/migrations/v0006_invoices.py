"""Invoices, their lines and numbers, credit notes, taxes."""

from nexusone.platform.schema import run_beside

revision = "billing_0006"
down_revision = "billing_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
