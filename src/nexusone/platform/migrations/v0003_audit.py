"""The audit trail: entries, the chain of their seals, checkpoints and archives."""

from nexusone.platform.schema import run_beside

revision = "platform_0003"
down_revision = "platform_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
