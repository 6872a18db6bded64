"""Verified addresses, one-time tokens, known devices, sessions that know how they began."""

from nexusone.platform.schema import run_beside

revision = "identity_0002"
down_revision = "identity_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
