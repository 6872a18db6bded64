"""Documents that are compared with a workspace's own key."""

from nexusone.platform.schema import run_beside

revision = "ai_0013"
down_revision = "ai_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
