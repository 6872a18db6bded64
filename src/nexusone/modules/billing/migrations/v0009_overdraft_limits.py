"""How far below zero each version of a plan lets a workspace settle."""

from nexusone.platform.schema import run_beside

revision = "billing_0009"
down_revision = "billing_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
