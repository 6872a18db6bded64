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


class ApiKeyNotFound(NotFound):
    """There is no such API key in this workspace."""

    code = "identity.api_key_not_found"


class PersonNeeded(Forbidden):
    """Machines cannot make or end keys; a person must."""

    code = "identity.person_needed"


class PermissionNotHeld(Forbidden):
    """Nobody can hand out a permission they do not have."""

    code = "identity.permission_not_held"
