"""The words of credits that operators give and take by hand."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant
from nexusone.kernel.money import CreditsText


def _something(text: str) -> str:
    if not text.strip("-0."):
        raise ValueError("something")
    return text


AdjustmentKind = Literal["compensation", "correction"]
AdjustmentState = Literal["pending", "booked", "declined"]


class NewAdjustment(Contract):
    """Credits to give (compensation, or a correction above zero) or to take (a correction below zero), and why.

    The same `key` again gives the first adjustment.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"key": "case-1234", "kind": "compensation", "amount": "25", "reason": "An outage on 3 May"}]}
    )

    key: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    kind: AdjustmentKind
    amount: Annotated[str, StringConstraints(pattern=r"^-?\d{1,10}(\.\d{1,6})?$"), AfterValidator(_something)]
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)]


class Adjustment(Contract):
    """What an operator gave or took; a pending one waits for a second person."""

    id: Id
    key: str
    kind: AdjustmentKind
    amount: CreditsText
    reason: str
    state: AdjustmentState
    made_by: Id
    made_at: Instant
    decided_by: Id | None
    decided_at: Instant | None
