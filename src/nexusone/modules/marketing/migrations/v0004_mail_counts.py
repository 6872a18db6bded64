"""What was mailed and is to be told to billing."""

from nexusone.platform.schema import run_beside

revision = "marketing_0004"
down_revision = "marketing_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
