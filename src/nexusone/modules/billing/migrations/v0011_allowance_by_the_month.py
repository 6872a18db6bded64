"""Until when a subscription's allowance was granted: that of a year comes month by month."""

from nexusone.platform.schema import run_beside

revision = "billing_0011"
down_revision = "billing_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
