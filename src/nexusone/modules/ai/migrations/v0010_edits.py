"""What people made of texts that models wrote, and what became of them."""

from nexusone.platform.schema import run_beside

revision = "ai_0010"
down_revision = "ai_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
