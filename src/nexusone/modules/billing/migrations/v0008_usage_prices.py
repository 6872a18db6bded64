"""What plans charge for usage beyond what they include, and the price each closing was billed at."""

from nexusone.platform.schema import run_beside

revision = "billing_0008"
down_revision = "billing_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
