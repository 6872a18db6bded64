"""What is announced of margins."""

from typing import ClassVar

from nexusone.platform.events import Event


class MarginLow(Event):
    """Less than the floor was left of what a purpose earned in a day; no `margin_bps`: it earned nothing. Told once until it is over."""

    name: ClassVar[str] = "billing.margin.low.v1"

    purpose: str
    margin_bps: int | None
    floor_bps: int
    reaction: str


class MarginFloorChanged(Event):
    """The least that is to be left of what a workspace's credits earn was set by an operator."""

    name: ClassVar[str] = "billing.margin_floor.changed.v1"

    floor_bps: int
    reaction: str
