"""Plans and their versions, features, prices, coupons; what a workspace may use."""

from nexusone.platform.schema import run_beside

revision = "billing_0003"
down_revision = "billing_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
