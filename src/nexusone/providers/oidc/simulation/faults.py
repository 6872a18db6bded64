"""What goes wrong on request: the next tokens, answers or keys are as an attacker or a broken provider would make them."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FaultMode = Literal[
    "wrong_nonce",
    "no_nonce",
    "wrong_audience",
    "foreign_party",
    "expired",
    "issued_in_future",
    "issued_long_ago",
    "alg_none",
    "hs256_public_key",
    "other_issuer",
    "unknown_key",
    "forged_signature",
    "embedded_key",
    "wrong_at_hash",
    "old_session",
    "no_auth_time",
    "unverified_email",
    "no_email",
    "wrong_iss_parameter",
    "no_iss_parameter",
    "token_redirect",
    "token_error",
    "token_garbage",
    "token_huge",
    "keys_garbage",
]


class Fault(BaseModel):
    """What shall go wrong, for the next `times` answers that it concerns."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mode: FaultMode
    times: int = Field(default=1, ge=1, le=1_000_000)


@dataclass(slots=True)
class FaultSwitch:
    """The one fault that is set."""

    mode: FaultMode | None = None
    times_left: int = 0

    def set(self, fault: Fault | None) -> None:
        """Replaces whatever was set."""
        self.mode, self.times_left = (fault.mode, fault.times) if fault else (None, 0)

    def takes(self, *modes: FaultMode) -> FaultMode | None:
        """The set fault where it is one of these; a strike is counted."""
        if self.mode not in modes or self.times_left == 0:
            return None
        self.times_left -= 1
        return self.mode
