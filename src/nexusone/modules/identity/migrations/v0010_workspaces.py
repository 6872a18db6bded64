"""Roles, invitations, transfers, suspension and deletion of workspaces; keys that rotate; object grants; operators."""

from nexusone.platform.schema import run_beside

revision = "identity_0010"
down_revision = "identity_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
