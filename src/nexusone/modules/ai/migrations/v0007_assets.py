"""Assets: pictures, sounds and films of a workspace."""

from nexusone.platform.schema import run_beside

revision = "ai_0007"
down_revision = "ai_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
