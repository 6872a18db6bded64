"""Events are written once."""

from nexusone.platform.schema import run_beside

revision = "platform_0002"
down_revision = "platform_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
