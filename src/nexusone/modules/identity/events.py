"""What identity announces."""

from typing import ClassVar

from nexusone.kernel.contract import Id
from nexusone.platform.events import Event


class WorkspaceCreated(Event):
    """A company signed up: the workspace exists, with its owner."""

    name: ClassVar[str] = "identity.workspace.created.v1"

    workspace_id: Id
    workspace_name: str
    owner_id: Id


class ApiKeyCreated(Event):
    """A key for machines was made."""

    name: ClassVar[str] = "identity.api_key.created.v1"

    api_key_id: Id


class ApiKeyRevoked(Event):
    """A key for machines works no more."""

    name: ClassVar[str] = "identity.api_key.revoked.v1"

    api_key_id: Id
