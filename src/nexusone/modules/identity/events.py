"""What identity announces."""

from typing import ClassVar, Literal

from nexusone.kernel.contract import Id
from nexusone.platform.events import Event


class WorkspaceCreated(Event):
    """A company signed up: the workspace exists, with its owner."""

    name: ClassVar[str] = "identity.workspace.created.v1"

    workspace_id: Id
    workspace_name: str
    owner_id: Id


class SessionOpened(Event):
    """A person signed in; `methods` are RFC 8176's."""

    name: ClassVar[str] = "identity.session.opened.v1"

    session_id: Id
    user_id: Id
    methods: list[str]


class SessionEnded(Event):
    """A session ended before its time: its person signed out or ended it, or one of its tokens was used twice."""

    name: ClassVar[str] = "identity.session.ended.v1"

    session_id: Id
    user_id: Id
    reason: Literal["signed_out", "ended", "token_reused"]


class PasswordChanged(Event):
    """A person chose another password, and their other sessions ended."""

    name: ClassVar[str] = "identity.password.changed.v1"

    user_id: Id
    way: Literal["present_password", "mail"]


class ApiKeyCreated(Event):
    """A key for machines was made."""

    name: ClassVar[str] = "identity.api_key.created.v1"

    api_key_id: Id


class ApiKeyRevoked(Event):
    """A key for machines works no more."""

    name: ClassVar[str] = "identity.api_key.revoked.v1"

    api_key_id: Id
