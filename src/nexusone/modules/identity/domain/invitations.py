"""The token of an invitation: workspace and invitation by name, then the secret."""

import re
from uuid import UUID

from nexusone.modules.identity.domain.credentials import SecretReference, digest_of

INVITATION_TOKEN = re.compile(r"^nxi_([0-9a-f]{32})([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")


def write_invitation_token(*, workspace_id: UUID, invitation_id: UUID, secret: str) -> str:
    """The text of the token."""
    return f"nxi_{workspace_id.hex}{invitation_id.hex}_{secret}"


def read_invitation_token(text: str) -> SecretReference | None:
    """The reference of a token, or None for anything else."""
    found = INVITATION_TOKEN.match(text)
    return None if found is None else SecretReference(UUID(found[1]), UUID(found[2]), digest_of(found[3]))
