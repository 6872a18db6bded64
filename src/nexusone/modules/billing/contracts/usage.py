"""The words of usage: what was used, what meters stand at, what it cost and left."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Text

AggregationName = Literal["count", "sum", "max", "unique", "latest"]
ReactionName = Literal["tell", "reroute", "stop"]
MeterCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}(\.[a-z][a-z0-9_]{0,30}){1,3}$")]
QUANTITY_MAX = 10**12


class UsageEvent(Contract):
    """One use of something metered. The same `id` counts once in a workspace, whatever else it says later.

    `subject` is who or what used it, for meters that count each subject once; one such event without a subject counts none.
    """

    id: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
    meter: MeterCode
    quantity: Annotated[int, Field(ge=0, le=QUANTITY_MAX)] = 1
    subject: Annotated[Text, StringConstraints(min_length=1, max_length=200)] | None = None
    occurred_at: Instant


class NewUsage(Contract):
    """Up to a thousand uses."""

    model_config = ConfigDict(
        **Contract.model_config,
        json_schema_extra={
            "examples": [{"events": [{"id": "job-4711", "meter": "messages.sent", "quantity": 250, "occurred_at": "2026-11-22T12:00:00Z"}]}]
        },
    )

    events: Annotated[list[UsageEvent], Field(min_length=1, max_length=1000)]


class UsageRecorded(Contract):
    """How many of the events are new; the others were known by their id."""

    recorded: int
    known: int


class MeterUsage(Contract):
    """What a meter stands at over a period."""

    meter: str
    aggregation: AggregationName
    unit: str
    value: int


class UsageOfPeriod(Contract):
    """All meters over `period_start` up to before `period_end`."""

    period_start: Instant
    period_end: Instant
    meters: list[MeterUsage]


class DayUsage(Contract):
    """What a meter stood at over one day, UTC."""

    day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    value: int


class MeterHistory(Contract):
    """One meter over a period, and day by day where anything was used."""

    period_start: Instant
    period_end: Instant
    total: MeterUsage
    days: list[DayUsage]


class PurposeMargin(Contract):
    """What one purpose earned and cost, in billionths of a dollar; no `margin_bps` where nothing was earned."""

    purpose: str
    earned_nano: int
    cost_nano: int
    margin_bps: int | None
    breached_since: Instant | None
    reaction: ReactionName | None


class Margin(Contract):
    """A workspace's margin over a period, and the floor under it."""

    workspace_id: Id
    period_start: Instant
    period_end: Instant
    floor_bps: int | None
    reaction: ReactionName | None
    purposes: list[PurposeMargin]


class NewMarginFloor(Contract):
    """The least that is to be left of what credits earn, in basis points, and what happens below it."""

    model_config = ConfigDict(**Contract.model_config, json_schema_extra={"examples": [{"floor_bps": 2000, "reaction": "stop"}]})

    floor_bps: Annotated[int, Field(ge=-100_000, le=10_000)]
    reaction: ReactionName
