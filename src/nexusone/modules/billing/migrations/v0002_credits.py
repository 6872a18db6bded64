"""What the ledger needs beyond its opening: caps, thresholds, overdraft by plan."""

from nexusone.platform.schema import run_beside

revision = "billing_0002"
down_revision = "billing_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
