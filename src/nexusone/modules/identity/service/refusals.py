"""What identity refuses."""

from nexusone.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated


class EmailTaken(Conflict):
    """An account with this e-mail address exists."""

    code = "identity.email_taken"


class WrongCredentials(Unauthenticated):
    """E-mail address or password is wrong; which of them is not told."""

    code = "identity.wrong_credentials"


class SessionEnded(Unauthenticated):
    """The refresh token was used before, expired, or its session was ended."""

    code = "identity.session_ended"


class RefreshSuperseded(Conflict):
    """Another request with the same refresh token came first and has the new tokens."""

    code = "identity.refresh_superseded"


class ApiKeyNotFound(NotFound):
    """There is no such API key in this workspace."""

    code = "identity.api_key_not_found"


class PermissionNotHeld(Forbidden):
    """Nobody can hand out a permission they do not have."""

    code = "identity.permission_not_held"
