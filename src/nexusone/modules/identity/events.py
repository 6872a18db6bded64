"""What identity announces."""

from typing import ClassVar, Literal

from nexusone.kernel.contract import Id, Instant
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


class FactorEnrolled(Event):
    """A person has a further second factor, and their other sessions ended."""

    name: ClassVar[str] = "identity.factor.enrolled.v1"

    user_id: Id
    factor: Literal["totp", "passkey"]


class FactorRemoved(Event):
    """A person has one second factor less, and their other sessions ended."""

    name: ClassVar[str] = "identity.factor.removed.v1"

    user_id: Id
    factor: Literal["totp", "passkey"]


class RecoveryCodesReplaced(Event):
    """A person has new recovery codes, and the old ones are void."""

    name: ClassVar[str] = "identity.recovery_codes.replaced.v1"

    user_id: Id


class RecoveryCodeUsed(Event):
    """A recovery code stood in for a second factor, and works no more."""

    name: ClassVar[str] = "identity.recovery_code.used.v1"

    user_id: Id


class MfaPolicyChanged(Event):
    """A workspace demands second factors of others than before."""

    name: ClassVar[str] = "identity.mfa_policy.changed.v1"

    workspace_id: Id
    demanded_of: Literal["nobody", "roles", "everyone"]
    roles: list[str]


class ApiKeyCreated(Event):
    """A key for machines was made."""

    name: ClassVar[str] = "identity.api_key.created.v1"

    api_key_id: Id


class ApiKeyRevoked(Event):
    """A key for machines works no more."""

    name: ClassVar[str] = "identity.api_key.revoked.v1"

    api_key_id: Id


class ApiKeyChanged(Event):
    """A key for machines was renamed, or works for another time or from other addresses."""

    name: ClassVar[str] = "identity.api_key.changed.v1"

    api_key_id: Id


class ApiKeyRotated(Event):
    """A key for machines has another secret."""

    name: ClassVar[str] = "identity.api_key.rotated.v1"

    api_key_id: Id


class WorkspaceChanged(Event):
    """The workspace's name, language or time zone is another."""

    name: ClassVar[str] = "identity.workspace.changed.v1"

    workspace_id: Id


class WorkspaceSuspended(Event):
    """The workspace can only be read from now on."""

    name: ClassVar[str] = "identity.workspace.suspended.v1"

    workspace_id: Id


class WorkspaceResumed(Event):
    """The workspace works again."""

    name: ClassVar[str] = "identity.workspace.resumed.v1"

    workspace_id: Id


class WorkspaceDeletionPlanned(Event):
    """The workspace will be deleted at `delete_at` unless that is called off."""

    name: ClassVar[str] = "identity.workspace.deletion_planned.v1"

    workspace_id: Id
    delete_at: Instant


class WorkspaceDeletionCalledOff(Event):
    """The workspace stays."""

    name: ClassVar[str] = "identity.workspace.deletion_called_off.v1"

    workspace_id: Id


class WorkspaceExported(Event):
    """Everything the workspace has lies in its files, to be fetched."""

    name: ClassVar[str] = "identity.workspace.exported.v1"

    workspace_id: Id


class MemberInvited(Event):
    """Somebody was asked to join."""

    name: ClassVar[str] = "identity.member.invited.v1"

    invitation_id: Id
    role: str


class InvitationWithdrawn(Event):
    """Somebody who was asked may join no more."""

    name: ClassVar[str] = "identity.invitation.withdrawn.v1"

    invitation_id: Id


class MemberJoined(Event):
    """Somebody is a member now."""

    name: ClassVar[str] = "identity.member.joined.v1"

    user_id: Id
    role: str


class MemberRoleChanged(Event):
    """A member has another role."""

    name: ClassVar[str] = "identity.member.role_changed.v1"

    user_id: Id
    former_role: str
    role: str


class MemberRemoved(Event):
    """Somebody is no member any more; `has_left`: of their own will."""

    name: ClassVar[str] = "identity.member.removed.v1"

    user_id: Id
    has_left: bool


class OwnershipOffered(Event):
    """An owner wants to hand the workspace over."""

    name: ClassVar[str] = "identity.ownership.offered.v1"

    giver_id: Id
    receiver_id: Id


class OwnershipTransferred(Event):
    """The workspace has another owner; the former one is an admin."""

    name: ClassVar[str] = "identity.ownership.transferred.v1"

    giver_id: Id
    receiver_id: Id


class RoleCreated(Event):
    """The workspace has a role of its own more."""

    name: ClassVar[str] = "identity.role.created.v1"

    role_id: Id
    permissions: list[str]


class RoleChanged(Event):
    """A role of the workspace's own gives other permissions, or has another name."""

    name: ClassVar[str] = "identity.role.changed.v1"

    role_id: Id
    permissions: list[str]


class RoleDeleted(Event):
    """A role of the workspace's own is gone."""

    name: ClassVar[str] = "identity.role.deleted.v1"

    role_id: Id


class ObjectShared(Event):
    """Who may see or change a segment or campaign is another group of people."""

    name: ClassVar[str] = "identity.object.shared.v1"

    object_kind: str
    object_id: Id


class OperatorVisited(Event):
    """A member of staff is in a member's place, to look."""

    name: ClassVar[str] = "identity.impersonation.begun.v1"

    impersonation_id: Id
    operator_id: Id
    user_id: Id
    ticket: str


class OperatorElevated(Event):
    """A visiting member of staff may change things."""

    name: ClassVar[str] = "identity.impersonation.elevated.v1"

    impersonation_id: Id
    operator_id: Id
    user_id: Id


class OperatorLeft(Event):
    """A visit of a member of staff ended before its time."""

    name: ClassVar[str] = "identity.impersonation.ended.v1"

    impersonation_id: Id
    operator_id: Id
    user_id: Id


class SsoConnectionCreated(Event):
    """A connection to an identity provider was made."""

    name: ClassVar[str] = "identity.sso_connection.created.v1"

    sso_connection_id: Id
    issuer: str


class SsoConnectionChanged(Event):
    """A connection changed, in the fields named."""

    name: ClassVar[str] = "identity.sso_connection.changed.v1"

    sso_connection_id: Id
    fields: list[str]
    is_enforced: bool


class SsoConnectionDeleted(Event):
    """A connection is gone; nobody comes in through it any more."""

    name: ClassVar[str] = "identity.sso_connection.deleted.v1"

    sso_connection_id: Id


class SsoDomainProved(Event):
    """A workspace has shown that a domain is its own; addresses there now tell who somebody is."""

    name: ClassVar[str] = "identity.sso_domain.proved.v1"

    sso_connection_id: Id
    domain: str


class SsoIdentityLinked(Event):
    """A person of the identity provider turned out to be this user, who became a member by that where `is_new_member`."""

    name: ClassVar[str] = "identity.sso_identity.linked.v1"

    user_id: Id
    sso_connection_id: Id
    is_new_account: bool
    is_new_member: bool
