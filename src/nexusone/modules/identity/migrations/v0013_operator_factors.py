"""The authenticator apps of operators, and their sign-ins that wait for a code."""

from nexusone.platform.schema import run_beside

revision = "identity_0013"
down_revision = "identity_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
