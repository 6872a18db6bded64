"""The words of second factors."""

from typing import Literal

from nexusone.kernel.contract import Contract


class MfaChallenge(Contract):
    """The password holds and a second factor is asked for; `attempt` goes with the factor's answer within `expires_in` seconds."""

    mfa_required: Literal[True]
    attempt: str
    factors: list[str]
    expires_in: int
