"""The words of identity: sign-up, sign-in, sessions, API keys."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name, Text

EmailText = Annotated[Text, StringConstraints(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
PasswordText = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SignUp(Contract):
    """A new account with its first workspace. The password has at least 15 characters; length is its only rule."""

    email: EmailText
    password: PasswordText
    name: Name
    workspace_name: Name


class SignIn(Contract):
    """An account's credentials; `workspace_id` chooses among several workspaces (default: the oldest)."""

    email: EmailText
    password: PasswordText
    workspace_id: Id | None = None


class Refresh(Contract):
    """The refresh token given at sign-in or at the last refresh; it works once."""

    refresh_token: Annotated[str, StringConstraints(min_length=10, max_length=300)]


class User(Contract):
    """A person."""

    id: Id
    email: str
    name: str
    locale: str
    created_at: Instant


class Workspace(Contract):
    """A company's own space."""

    id: Id
    name: str
    default_locale: str
    timezone: str
    created_at: Instant


class SignedIn(Contract):
    """A session: the access token goes into `Authorization: Bearer …` and lives `expires_in` seconds."""

    user: User
    workspace: Workspace
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int


class Me(Contract):
    """Who the credential stands for. `user` is null for an API key."""

    kind: Literal["user", "api_key"]
    user: User | None
    workspace: Workspace
    permissions: list[str]
