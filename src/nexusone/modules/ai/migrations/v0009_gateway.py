"""Requests that were passed on in the wire of others are generations too, and so are vectors."""

from nexusone.platform.schema import run_beside

revision = "ai_0009"
down_revision = "ai_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
