"""Second factors as rules: texts of attempts and ceremonies, TOTP steps, recovery codes, and what satisfies a demand."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pyotp import TOTP
from pyotp.exceptions import OTPVerificationError

from nexusone.modules.identity.domain.credentials import SecretReference, digest_of

MFA = "mfa"
"""The authentication method (RFC 8176) that a token has whose owner proved more than one factor."""

ATTEMPT = re.compile(r"^nxm_([0-9a-f]{32})([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")
CEREMONY = re.compile(r"^nxc_([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")

TRIES_MAX = 5
TOTP_SEED_BYTES = 20
TOTP_STEPS_AROUND = 1
RECOVERY_CODES = 10
# 120 bits each, of which a plain digest tells nothing (AUTHN-11).
RECOVERY_CODE_BYTES = 15


# What a session that lacks a demanded factor may do: get one, or leave.
ENROLMENT = frozenset(
    {
        "mfa.state",
        "mfa.step_up",
        "mfa.enrol_totp",
        "mfa.confirm_totp",
        "passkeys.ask_for_new",
        "passkeys.add_passkey",
        "identity.sign_out",
    }
)


@dataclass(frozen=True, slots=True)
class CeremonyReference:
    """Which ceremony a text names, and the digest its secret must have."""

    id: UUID
    digest: bytes


def write_attempt(*, workspace_id: UUID, attempt_id: UUID, secret: str) -> str:
    """The text of an attempt to sign in."""
    return f"nxm_{workspace_id.hex}{attempt_id.hex}_{secret}"


def read_attempt(text: str) -> SecretReference | None:
    """The reference of an attempt, or None for anything else."""
    found = ATTEMPT.match(text)
    if found is None:
        return None
    workspace, attempt, secret = found.groups()
    return SecretReference(UUID(workspace), UUID(attempt), digest_of(secret))


def write_ceremony(*, ceremony_id: UUID, secret: str) -> str:
    """The text of a passkey ceremony."""
    return f"nxc_{ceremony_id.hex}_{secret}"


def read_ceremony(text: str) -> CeremonyReference | None:
    """The reference of a ceremony, or None for anything else."""
    found = CEREMONY.match(text)
    return None if found is None else CeremonyReference(UUID(found[1]), digest_of(found[2]))


def write_seed(seed: bytes) -> str:
    """A seed in base32, as apps read it."""
    return base64.b32encode(seed).decode()


def totp_address(seed: bytes, *, account: str, issuer: str) -> str:
    """The otpauth address of a seed."""
    return TOTP(write_seed(seed)).provisioning_uri(name=account, issuer_name=issuer)


def totp_step(seed: bytes, code: str, *, now: datetime) -> int | None:
    """The 30-second step whose code this is, at most one away from the present one; None for none of them."""
    try:
        return TOTP(write_seed(seed)).verify_and_get_timecode(code, for_time=now, valid_window=TOTP_STEPS_AROUND)
    except OTPVerificationError:
        return None


def write_recovery_code(secret: bytes) -> str:
    """A recovery code as it is shown: lower-case base32 in groups of four."""
    text = base64.b32encode(secret).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def recovery_digest(code: str) -> bytes:
    """What is stored of a recovery code; case and separators do not matter."""
    return digest_of(re.sub(r"[- ]", "", code).lower())


def is_satisfied(methods: Sequence[str]) -> bool:
    """Whether these methods prove more than one factor."""
    return MFA in methods


def lets_pass(*, is_demanded: bool, methods: tuple[str, ...], operation: str) -> bool:
    """Whether a session may do this, whatever way it began."""
    return not is_demanded or is_satisfied(methods) or operation in ENROLMENT
