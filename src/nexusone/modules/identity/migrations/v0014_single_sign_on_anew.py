"""Proving oneself anew through an identity provider."""

from nexusone.platform.schema import run_beside

revision = "identity_0014"
down_revision = "identity_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
