"""The words of agencies: the pool their clients draw on, and what they charge them."""

from typing import Annotated

from pydantic import ConfigDict, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant
from nexusone.kernel.money import CreditsText
from nexusone.modules.billing.contracts.plans import NonNegativeCredits

MarkUp = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,2})?$")]


class PoolWish(Contract):
    """Whether clients draw on the agency's credits; how many in a month each (None: no limit) and at which mark-up, unless set apart."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_open": True, "monthly_limit": "5000", "mark_up_percent": "15"}]})

    is_open: bool
    monthly_limit: NonNegativeCredits | None = None
    mark_up_percent: MarkUp = "0"


class PoolShareWish(Contract):
    """A client's part in the pool; what is None is as the pool has it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_member": True, "monthly_limit": "2000", "mark_up_percent": "20"}]})

    is_member: bool
    monthly_limit: NonNegativeCredits | None = None
    mark_up_percent: MarkUp | None = None


class PoolShare(Contract):
    """A client's part in the pool, and what it has drawn in the present month; the limit and mark-up that count."""

    workspace_id: Id
    is_member: bool
    monthly_limit: CreditsText | None
    mark_up_percent: str
    drawn_this_month: CreditsText


class Pool(Contract):
    """An agency's pool; `available` are the agency's own credits, which are what clients draw on."""

    is_open: bool
    monthly_limit: CreditsText | None
    mark_up_percent: str
    available: CreditsText
    items: list[PoolShare]


class RebillingLine(Contract):
    """What a client used in a month: its `cost` in credits, and its `price` with the mark-up."""

    workspace_id: Id
    workspace_name: str
    cost: CreditsText
    mark_up_percent: str
    price: CreditsText


class RebillingStatement(Contract):
    """What an agency charges its clients for one month (UTC); a month that is not over can still grow."""

    month: str
    is_final: bool
    as_of: Instant
    items: list[RebillingLine]
    cost: CreditsText
    price: CreditsText
