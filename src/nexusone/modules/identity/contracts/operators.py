"""The words of the operators' realm."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Text
from nexusone.modules.identity.contracts.accounts import EmailText, PasswordText
from nexusone.modules.identity.contracts.mfa import AttemptText, TotpCode, TotpEnrolment

Reason = Annotated[Text, StringConstraints(min_length=10, max_length=500, strip_whitespace=True)]
Ticket = Annotated[Text, StringConstraints(min_length=2, max_length=100, strip_whitespace=True)]


class OperatorSignIn(Contract):
    """The credentials of a member of staff; users have none here, and operators have none at the users' door."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "staff@example.com", "password": "lamps burn late at the mill"}]})

    email: EmailText
    password: PasswordText


class OperatorChallenge(Contract):
    """The password holds; `attempt` goes with a code of the authenticator app within `expires_in` seconds, and takes five tries.

    Who has no app yet gets `enrolment`, shown this once; the first code that it makes enrols it.
    """

    mfa_required: Literal[True]
    attempt: str
    enrolment: TotpEnrolment | None
    expires_in: int


class OperatorCode(Contract):
    """The attempt, and what the authenticator app shows now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"attempt": f"nxo_{'0' * 32}_{'A' * 43}", "code": "123456"}]})

    attempt: AttemptText
    code: TotpCode


class OperatorSignedIn(Contract):
    """A token for the operators' doors; it opens no others, and lives `expires_in` seconds, an hour at most."""

    operator_id: Id
    name: str
    access_token: str
    token_type: str
    expires_in: int


class NewVisit(Contract):
    """In whose place, why, under which ticket, and for how long; without `user_id` in the place of the oldest owner."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "workspace_id": "0198c0de-0000-7000-8000-000000000000",
                    "reason": "The customer asked for help with an import",
                    "ticket": "SUP-1234",
                    "minutes": 30,
                }
            ]
        }
    )

    workspace_id: Id
    user_id: Id | None = None
    reason: Reason
    ticket: Ticket
    minutes: Annotated[int, Field(ge=1, le=60)] = 30


class Elevation(Contract):
    """The workspace of the visit, and why looking is not enough."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"workspace_id": "0198c0de-0000-7000-8000-000000000000", "reason": "The customer agreed to the correction"}]
        }
    )

    workspace_id: Id
    reason: Reason


class VisitEnd(Contract):
    """The workspace of the visit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"workspace_id": "0198c0de-0000-7000-8000-000000000000"}]})

    workspace_id: Id


class Visit(Contract):
    """An operator in a member's place. Until `elevated_at` it only looks; all of it stands in the audit trail."""

    id: Id
    operator_id: Id
    user_id: Id
    reason: str
    ticket: str
    started_at: Instant
    expires_at: Instant
    ended_at: Instant | None
    elevated_at: Instant | None
    elevation_reason: str | None


class VisitBegun(Contract):
    """A visit with its token, which works at the doors of the workspace like the member's own, and carries `act`."""

    visit: Visit
    access_token: str
    token_type: str
    expires_in: int


class Operator(Contract):
    """A member of staff, as the command line shows them."""

    id: Id
    email: str
    name: str
    created_at: Instant
    is_disabled: bool
