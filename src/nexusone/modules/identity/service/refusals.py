"""What identity refuses."""

from nexusone.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unavailable, Unprocessable


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


class EnrolmentNeeded(Forbidden):
    """The workspace demands a second factor, and this session proved none: enrol one, or sign in with it."""

    code = "identity.mfa_enrolment_needed"


class StepUpNeeded(Unauthenticated):
    """The proof of identity is too old for this: prove yourself anew, then repeat the request."""

    code = "identity.step_up_needed"


class MfaAttemptOver(Unauthenticated):
    """The attempt was used, expired, has no tries left, or never was: sign in anew."""

    code = "identity.mfa_attempt_over"


class MfaRefused(Unauthenticated):
    """The second factor does not hold; the attempt may have tries left."""

    code = "identity.mfa_refused"


class PasskeyUnknown(Unauthenticated):
    """The passkey does not hold, or nobody has it; which of them is not told."""

    code = "identity.passkey_unknown"


class NothingToConfirm(Conflict):
    """No authenticator app waits for its first code: its time or its tries are over, or there was none."""

    code = "identity.nothing_to_confirm"


class FactorNotProved(Conflict):
    """What should prove the new factor does not."""

    code = "identity.factor_not_proved"


class FactorNotFound(NotFound):
    """The caller has no such factor."""

    code = "identity.factor_not_found"


class FactorMissing(Conflict):
    """There is no second factor that recovery codes could stand in for."""

    code = "identity.factor_missing"


class LastFactorDemanded(Conflict):
    """The workspace demands a second factor, and this is the last one."""

    code = "identity.last_factor_demanded"


class PasskeyTaken(Conflict):
    """The passkey is registered already, or the account has as many as it may."""

    code = "identity.passkey_taken"


class ApiKeyNotFound(NotFound):
    """There is no such API key in this workspace."""

    code = "identity.api_key_not_found"


class PermissionNotHeld(Forbidden):
    """Nobody can hand out a permission they do not have."""

    code = "identity.permission_not_held"


class KeyModeNotServed(Conflict):
    """A deployment in sandbox mode has no live keys."""

    code = "identity.key_mode_not_served"


class MemberNotFound(NotFound):
    """There is no such member in this workspace."""

    code = "identity.member_not_found"


class LastOwner(Conflict):
    """A workspace always has an owner; the last one can hand it over, and not leave it."""

    code = "identity.last_owner"


class RankTooHigh(Forbidden):
    """Nobody decides over somebody who may do more than they, or gives a role that may."""

    code = "identity.rank_too_high"


class RoleNotFound(NotFound):
    """There is no such role, neither built in nor of the workspace's own."""

    code = "identity.role_not_found"


class RoleNameTaken(Conflict):
    """Another role has the name."""

    code = "identity.role_name_taken"


class RoleInUse(Conflict):
    """Members have the role; give them another first."""

    code = "identity.role_in_use"


class RolesFull(Conflict):
    """A workspace has at most a hundred roles of its own."""

    code = "identity.roles_full"


class AlreadyMember(Conflict):
    """The address belongs to a member."""

    code = "identity.already_member"


class AlreadyInvited(Conflict):
    """The address was invited, and the invitation still holds."""

    code = "identity.already_invited"


class InvitationNotFound(NotFound):
    """There is no such invitation."""

    code = "identity.invitation_not_found"


class InvitationSpent(Unauthenticated):
    """The invitation was accepted, withdrawn or has expired, or never was."""

    code = "identity.invitation_spent"


class TransferNotFound(NotFound):
    """Nothing is offered, or not to the caller, or the offer's time is over."""

    code = "identity.transfer_not_found"


class WorkspaceNotSuspended(Conflict):
    """The workspace is not suspended."""

    code = "identity.workspace_not_suspended"


class DeletionNotPlanned(Conflict):
    """The workspace is not about to be deleted."""

    code = "identity.deletion_not_planned"


class DeletionPlanned(Conflict):
    """The workspace is about to be deleted."""

    code = "identity.deletion_planned"


class ExportNotReady(Conflict):
    """Nothing was exported yet; ask for an export, and come back when it is announced."""

    code = "identity.export_not_ready"


class NotAnAgency(Conflict):
    """A workspace that belongs to an agency cannot be one."""

    code = "identity.not_an_agency"


class GrantNotFound(NotFound):
    """The object has no such grant."""

    code = "identity.grant_not_found"


class OperatorKnown(Conflict):
    """There is an operator with this address."""

    code = "identity.operator_known"


class VisitNotFound(NotFound):
    """The operator has no such visit that is not over."""

    code = "identity.visit_not_found"


class RightsGone(Forbidden):
    """Whoever left this work may not do it any more: removed, ended, or the workspace is no more."""

    code = "identity.rights_gone"


class SsoConnectionNotFound(NotFound):
    """There is no such connection to an identity provider in this workspace."""

    code = "identity.sso_connection_not_found"


class SsoConnectionExists(Conflict):
    """The workspace has a connection to this client of this issuer."""

    code = "identity.sso_connection_exists"


class SsoIssuerUnusable(Unprocessable):
    """What the issuer says of itself cannot be used."""

    code = "identity.sso_issuer_unusable"


class SsoProviderUnavailable(Unavailable):
    """The identity provider does not answer, or not as it should."""

    code = "identity.sso_provider_unavailable"


class SsoNotTried(Conflict):
    """Single sign-on is demanded only once somebody came in through it and an owner has a second factor."""

    code = "identity.sso_not_tried"


class SsoNotSetUp(NotFound):
    """Nobody signs in through single sign-on there."""

    code = "identity.sso_not_set_up"


class SsoAttemptOver(Unauthenticated):
    """This sign-in was started in another browser, too long ago, or is used up."""

    code = "identity.sso_attempt_over"


class SsoDenied(Unauthenticated):
    """The identity provider did not sign the person in."""

    code = "identity.sso_denied"


class SsoTokenRefused(Unauthenticated):
    """What the identity provider answered does not hold."""

    code = "identity.sso_token_refused"


class SsoEmailUnverified(Forbidden):
    """The identity provider has not verified the person's address, so it says nothing about whose account this is."""

    code = "identity.sso_email_unverified"


class SsoDomainNotAllowed(Forbidden):
    """The person's address is in no domain that this connection has proved."""

    code = "identity.sso_domain_not_allowed"


class SsoNotAMember(Forbidden):
    """The person may not enter the workspace: no member, disabled, or the account is another person's at the provider."""

    code = "identity.sso_not_a_member"


class SsoRequired(Forbidden):
    """Members of this workspace sign in through its identity provider; owners also with password and second factor."""

    code = "identity.sso_required"


class ProvedElsewhere(Unauthenticated):
    """A workspace's own provider vouched for the person, which counts in no other workspace."""

    code = "identity.proved_elsewhere"
