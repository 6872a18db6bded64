"""Templates, campaigns, deliveries, links, engagement."""

from nexusone.platform.schema import run_beside

revision = "marketing_0001"
down_revision = None
branch_labels = ("marketing",)
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
