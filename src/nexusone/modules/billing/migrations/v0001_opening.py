"""The credit ledger: accounts, grants, holds, transfers, entries."""

from nexusone.platform.schema import run_beside

revision = "billing_0001"
down_revision = None
branch_labels = ("billing",)
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
