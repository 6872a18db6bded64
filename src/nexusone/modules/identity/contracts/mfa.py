"""The words of second factors: challenges, TOTP, recovery codes, step-up, and what a workspace demands."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant
from nexusone.modules.identity.contracts.accounts import PasswordText, SignedIn, TokenText
from nexusone.modules.identity.contracts.passkeys import Passkey, PasskeyAssertion, PasskeyOptions
from nexusone.modules.identity.domain.permissions import RoleName

EnrolledFactor = Literal["totp", "passkey"]
Factor = Literal["totp", "passkey", "recovery_code"]
TotpCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
RecoveryCodeText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z2-7]{4}([- ]?[A-Za-z2-7]{4}){5}$", max_length=29)]
AttemptText = Annotated[str, StringConstraints(min_length=10, max_length=300)]


class MfaChallenge(Contract):
    """A second factor is asked for; `attempt` goes with its answer within `expires_in` seconds, and takes five tries.

    `passkey_options` are for `navigator.credentials.get`, where the account has a passkey.
    """

    mfa_required: Literal[True]
    attempt: str
    factors: list[Factor]
    passkey_options: PasskeyOptions | None = None
    expires_in: int


class TotpAnswer(Contract):
    """A code of the authenticator app. `device` as in a sign-in."""

    factor: Literal["totp"]
    attempt: AttemptText
    code: TotpCode
    device: TokenText | None = None


class RecoveryAnswer(Contract):
    """A recovery code, which works once. `device` as in a sign-in."""

    factor: Literal["recovery_code"]
    attempt: AttemptText
    code: RecoveryCodeText
    device: TokenText | None = None


class PasskeyAnswer(Contract):
    """What the browser made of the challenge's `passkey_options`. `device` as in a sign-in."""

    factor: Literal["passkey"]
    attempt: AttemptText
    credential: PasskeyAssertion
    device: TokenText | None = None


MfaAnswer = Annotated[TotpAnswer | RecoveryAnswer | PasskeyAnswer, Field(discriminator="factor")]
"""The answer to a challenge, by one of its factors."""


class StepUp(Contract):
    """Proving oneself anew: with the password, where the account has one; without it, a passkey is asked for alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "lamps burn late at the mill"}]})

    password: PasswordText | None = None


class TotpEnrolment(Contract):
    """What an authenticator app needs, shown this once; a code of it confirms within `expires_in` seconds.

    `secret` is base32, `uri` the same as otpauth address, `qr_svg` that as a picture.
    """

    secret: str
    uri: str
    qr_svg: str
    expires_in: int


class TotpConfirmation(Contract):
    """A code that the app shows now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "123456"}]})

    code: TotpCode


class RecoveryCodes(Contract):
    """Codes that work once each where no other factor is at hand. They are shown this once; older ones are void."""

    codes: list[str]


class FactorAdded(Contract):
    """All other sessions ended, and this one goes on as `session`. `recovery_codes` come with the first factor only."""

    session: SignedIn
    recovery_codes: list[str]


class PasskeyAdded(FactorAdded):
    """The same, with the passkey."""

    passkey: Passkey


class MfaState(Contract):
    """One's own factors. `is_demanded`: the workspace lets nobody of one's role in without."""

    is_demanded: bool
    is_satisfied: bool
    totp_since: Instant | None
    passkeys: list[Passkey]
    recovery_codes_left: int


class MfaPolicy(Contract):
    """Of whom the workspace demands a second factor. `roles` are built-in names or ids of its own roles, for "roles" only."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"demanded_of": "roles", "roles": ["owner", "admin"]}]})

    demanded_of: Literal["nobody", "roles", "everyone"]
    roles: Annotated[list[RoleName | Id], Field(max_length=100, default_factory=list)]
