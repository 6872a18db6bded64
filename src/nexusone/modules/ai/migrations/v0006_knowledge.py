"""What the AI may know: collections, documents, their passages with vectors."""

from nexusone.platform.schema import run_beside

revision = "ai_0006"
down_revision = "ai_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
