"""What identity refuses."""

from nexusone.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unavailable


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


class TokenSpent(Unauthenticated):
    """The token of a mail was used before, expired, was replaced by a later one, or never was."""

    code = "identity.token_spent"


class SessionNotFound(NotFound):
    """The caller has no such living session."""

    code = "identity.session_not_found"


class PeopleOnly(Forbidden):
    """An API key cannot do what only its person may do."""

    code = "identity.people_only"


class MailerMissing(Unavailable):
    """No carrier of mails is set up in this deployment."""

    code = "identity.mailer_missing"


class ApiKeyNotFound(NotFound):
    """There is no such API key in this workspace."""

    code = "identity.api_key_not_found"


class PermissionNotHeld(Forbidden):
    """Nobody can hand out a permission they do not have."""

    code = "identity.permission_not_held"
