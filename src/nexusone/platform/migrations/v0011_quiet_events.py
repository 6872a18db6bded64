"""Events are found by the transaction that wrote them; nobody is notified at their commit."""

from nexusone.platform.schema import run_beside

revision = "platform_0011"
down_revision = "platform_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
