"""Connections to identity providers, the domains a workspace has proved, identities there, and sign-ins under way."""

from nexusone.platform.schema import run_beside

revision = "identity_0012"
down_revision = "identity_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
