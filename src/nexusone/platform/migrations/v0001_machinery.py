"""Event log, idempotency keys, rate limits, data keys, and the wall around tenant tables."""

from nexusone.platform.schema import run_beside

revision = "platform_0001"
down_revision = None
branch_labels = ("platform",)
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
