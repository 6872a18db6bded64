"""Brand voices and their versions."""

from nexusone.platform.schema import run_beside

revision = "ai_0005"
down_revision = "ai_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
