"""The words of accounts: sign-up, verification, sign-in, sessions, passwords."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, StringConstraints

from nexusone.kernel.contract import BLANKS, CONTROLS, Contract, Id, Instant, Name, printable

# The pattern stands on the bare text: after a validator it would not be shown in the schema.
_PART = f"[^@{BLANKS}{CONTROLS}]+"
EmailText = Annotated[
    str, StringConstraints(min_length=3, max_length=254, pattern=rf"^{_PART}@{_PART}\.{_PART}$"), AfterValidator(printable)
]
PasswordText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
TokenText = Annotated[str, StringConstraints(min_length=10, max_length=300)]


REFRESH_TOKEN_EXAMPLE = f"nxr_{'0198c0de00007000' * 4}_{'A' * 43}"


class SignUp(Contract):
    """A new account with its first workspace. The password has at least 15 characters; length is its only rule of form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "email": "ada@example.com",
                    "password": "lamps burn late at the mill",
                    "name": "Ada Lovelace",
                    "workspace_name": "Analytical Engines",
                }
            ]
        }
    )

    email: EmailText
    password: PasswordText
    name: Name
    workspace_name: Name


class SignUpReceived(Contract):
    """The next step is in a mail to the address: the answer is the same whether or not the address has an account."""

    verification_required: Literal[True]
    expires_in: int


class Verify(Contract):
    """The token of the verification mail, with the password that was chosen at sign-up."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"token": "nxv_0198c0de000070008000000000000000_c2VjcmV0", "password": "lamps burn late at the mill"}]
        }
    )

    token: TokenText
    password: PasswordText


class SignIn(Contract):
    """An account's credentials; `workspace_id` chooses among several workspaces (default: the oldest).

    `device` is the token that an earlier sign-in answered: limits that others used up do not keep a known device out.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ada@example.com", "password": "lamps burn late at the mill"}]})

    email: EmailText
    password: PasswordText
    workspace_id: Id | None = None
    device: TokenText | None = None


class Refresh(Contract):
    """The refresh token given at sign-in or at the last refresh; it works once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": REFRESH_TOKEN_EXAMPLE}]})

    refresh_token: TokenText


class ForgotPassword(Contract):
    """Whose password is to be chosen anew."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ada@example.com"}]})

    email: EmailText


class MailOrdered(Contract):
    """Where the address has an account, a mail is on its way whose token is good for `expires_in` seconds."""

    expires_in: int


class ResetPassword(Contract):
    """The token of the reset mail, and the new password."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"token": "nxv_0198c0de000070008000000000000000_c2VjcmV0", "password": "the mill sleeps when the lamps are out"}]
        }
    )

    token: TokenText
    password: PasswordText


class PasswordChosen(Contract):
    """All sessions are over; `device` lets this device sign in even where others use up the account's tries."""

    device: str


class ChangePassword(Contract):
    """The present password, and the new one; all other sessions end."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"current_password": "lamps burn late at the mill", "new_password": "the mill sleeps when the lamps are out"}]
        }
    )

    current_password: PasswordText
    new_password: PasswordText


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
    """A session: the access token goes into `Authorization: Bearer …` and lives `expires_in` seconds.

    `device` is the token of this device, to be shown at the next sign-in; null where it is known already.
    """

    user: User
    workspace: Workspace
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    device: str | None = None


class Session(Contract):
    """One of a person's own living sessions, as far as it is known where it came from."""

    id: Id
    workspace_id: Id
    methods: list[str]
    ip: str | None
    user_agent: str | None
    created_at: Instant
    refreshed_at: Instant
    expires_at: Instant
    is_current: bool


class Sessions(Contract):
    """A person's living sessions in all workspaces, the last used first; at most 100."""

    items: list[Session]


class Me(Contract):
    """Who the credential stands for. `user` is null for an API key."""

    kind: Literal["user", "api_key"]
    user: User | None
    workspace: Workspace
    permissions: list[str]
