"""TOTP, passkeys, recovery codes, attempts that wait for a second factor, and what a workspace demands."""

from nexusone.platform.schema import run_beside

revision = "identity_0011"
down_revision = "identity_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
