"""Keys of workspaces at vendors, and which generations were made with them."""

from nexusone.platform.schema import run_beside

revision = "ai_0050"
down_revision = "ai_0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
