"""The words of members, invitations, roles and the handing over of a workspace."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name
from nexusone.modules.identity.contracts.accounts import EmailText, PasswordText

RoleText = Annotated[str, StringConstraints(min_length=2, max_length=36, pattern=r"^[a-z0-9-]+$")]
"""A built-in role's name, such as `marketer`, or the id of a role of the workspace's own."""

GivenPermission = Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,40}:[a-z_]{2,40}$")]
GivenPermissions = Annotated[list[GivenPermission], Field(min_length=1, max_length=100)]
InvitationToken = Annotated[str, StringConstraints(min_length=10, max_length=300)]


class Member(Contract):
    """Somebody in the workspace; `role_name` is what a role of its own is called."""

    user_id: Id
    email: str
    name: str
    role: str
    role_name: str
    joined_at: Instant


class MemberChange(Contract):
    """The role a member is to have."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "analyst"}]})

    role: RoleText


class NewInvitation(Contract):
    """Whom to ask, into which role."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "grace@example.com", "role": "marketer"}]})

    email: EmailText
    role: RoleText


class Invitation(Contract):
    """Somebody who was asked and has not come yet."""

    id: Id
    email: str
    role: str
    invited_by: Id | None
    created_at: Instant
    expires_at: Instant


class InvitationAnswer(Contract):
    """The token of the mail; `name` and `password` where the address has no account yet."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "token": "nxv_0198c0de000070008000000000000000_c2VjcmV0",
                    "name": "Grace Hopper",
                    "password": "lamps burn late at the mill",
                }
            ]
        }
    )

    token: InvitationToken
    name: Name | None = None
    password: PasswordText | None = None


class Joined(Contract):
    """Somebody joined, and signs in next as at any other time, with all that is asked for there."""

    workspace_id: Id
    workspace_name: str
    email: str
    is_new_account: bool


class NewTransfer(Contract):
    """The member who is to own the workspace."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "0198c0de-0000-7000-8000-000000000000"}]})

    user_id: Id


class Transfer(Contract):
    """An offer that waits for the receiver's yes."""

    giver_id: Id
    receiver_id: Id
    offered_at: Instant
    expires_at: Instant


class NewRole(Contract):
    """A role of the workspace's own, with no more permissions than its maker has."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Copywriter", "permissions": ["templates:read", "templates:write"]}]}
    )

    name: Name
    permissions: GivenPermissions


class RoleChange(Contract):
    """What is to be different; permissions are replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"permissions": ["templates:read"]}]})

    name: Name | None = None
    permissions: GivenPermissions | None = None


class Role(Contract):
    """A role; `meaning` says what a built-in one is for. `*` is every permission."""

    role: str
    name: str
    meaning: str
    is_built_in: bool
    permissions: list[str]
    version: int


class Roles(Contract):
    """All roles of the workspace, the built-in ones first."""

    items: list[Role]


class PermissionMeaning(Contract):
    """A permission in words; `is_personal`: no API key ever has it."""

    permission: str
    meaning: str
    is_personal: bool


class Permissions(Contract):
    """Every permission there is."""

    items: list[PermissionMeaning]
