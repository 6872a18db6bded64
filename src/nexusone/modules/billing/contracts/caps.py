"""The words of caps, alerts and automatic top-up; credits are decimal strings."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract
from nexusone.kernel.money import CreditsText

CapScope = Literal["workspace", "member", "api_key", "job"]
CapPeriod = Literal["day", "month", "ever"]
Limit = Annotated[str, StringConstraints(pattern=r"^\d{1,10}(\.\d{1,6})?$")]


def _more_than_none(text: str) -> str:
    if not text.strip("0."):
        raise ValueError("more than none")
    return text


PositiveLimit = Annotated[Limit, AfterValidator(_more_than_none)]


class CapWish(Contract):
    """At most `limit` credits in a day, a month (UTC) or ever: by the workspace, or by a member, key or job.

    `subject` is the id of the member or key, or the name of the job; without one the cap is for each of them. A cap that names
    one holds for that one instead.
    """

    scope: CapScope
    subject: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    period: CapPeriod
    limit: Limit


class CapsWish(Contract):
    """All caps of the workspace; they take the place of those before.

    A cap counts its whole present period: what was held and spent in it before the cap was set as well.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"caps": [{"scope": "workspace", "period": "day", "limit": "500"}, {"scope": "job", "period": "ever", "limit": "50"}]}
            ]
        }
    )

    caps: Annotated[list[CapWish], Field(max_length=100)]


class Cap(Contract):
    """A cap. `used` counts what is held and spent in the present period; 0 for a cap that is for each."""

    scope: CapScope
    subject: str | None
    period: CapPeriod
    limit: CreditsText
    used: CreditsText


class Caps(Contract):
    """All caps of the workspace."""

    caps: list[Cap]


class AlertsWish(Contract):
    """Below which numbers of unspent credits (available and held) the people who pay want to be told; at most ten."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"thresholds": ["100", "10"]}]})

    thresholds: Annotated[list[PositiveLimit], Field(max_length=10)]


class Alert(Contract):
    """A threshold. `is_armed`: it was not crossed since the credits were last above it."""

    threshold: CreditsText
    is_armed: bool


class Alerts(Contract):
    """All thresholds, the highest first."""

    alerts: list[Alert]


class TopUpWish(Contract):
    """Buy `amount` credits whenever fewer than `threshold` are unspent, for at most `monthly_maximum` in a month (UTC)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"is_enabled": True, "threshold": "50", "amount": "200", "monthly_maximum": "1000"}]}
    )

    is_enabled: bool
    threshold: PositiveLimit
    amount: PositiveLimit
    monthly_maximum: PositiveLimit


class TopUp(Contract):
    """The automatic top-up. `wanted_this_month` counts what was asked for, whatever came of it."""

    is_enabled: bool
    threshold: CreditsText
    amount: CreditsText
    monthly_maximum: CreditsText
    wanted_this_month: CreditsText
