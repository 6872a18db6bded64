"""Who and what each hold stood for, so that a cap counts its whole window from the moment it is set."""

from nexusone.platform.schema import run_beside

revision = "billing_0010"
down_revision = "billing_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_beside(__file__)
