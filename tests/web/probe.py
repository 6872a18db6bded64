"""A door to knock at: operations of every kind, as a module would declare them."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from nexusone.kernel.contract import Contract, Id, Instant, Name
from nexusone.kernel.errors import (
    Conflict,
    NotFound,
    PaymentRequired,
    PreconditionFailed,
    PreconditionNeeded,
    Refusal,
    Unavailable,
)
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.kernel.page import Page, PageOf
from nexusone.platform.events import Event, publish
from nexusone.platform.idempotency import conclude
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.gate import AUTHENTICATED, PUBLIC
from nexusone.web.paging import Pager

REFUSALS: tuple[Refusal, ...] = (
    Conflict(reason="probe"),
    NotFound(what="probe"),
    PaymentRequired(),
    PreconditionFailed(version=3),
    PreconditionNeeded(header="If-Match"),
    Unavailable(headers={"Retry-After": "2"}),
)
REFUSALS_BY_STATUS = {refusal.status: refusal for refusal in REFUSALS}
ITEMS = tuple(range(137))


class Probed(Event):
    """Somebody knocked."""

    name: ClassVar[str] = "trial.door.probed.v1"


class Knock(Contract):
    """A body with a field of every kind."""

    name: Name
    count: int = 1
    share: float = 0.5
    is_loud: bool = False
    id: Id | None = None
    at: Instant | None = None
    words: list[str] = Field(default_factory=list)
    extra: dict[str, Any] | None = None


class Knocked(Contract):
    """What came of it."""

    id: Id
    name: str


@dataclass
class Probe:
    """The door, and what reached it."""

    door: Door = field(init=False)
    bodies: list[Knock] = field(default_factory=list)
    fails_with: Exception | None = None
    fails_after_the_effect: Exception | None = None
    wait: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.door = Door("probe", prefix="/v1/probe")
        self.wait.set()
        _reading(self)
        _writing(self)
        _failing(self)


def _reading(probe: Probe) -> None:
    door = probe.door

    @door.get("/items", permission="contacts:read", summary="Items by page")
    async def items(ctx: Caller, pager: Pager) -> Page[int]:
        start = int(pager.request.after[0]) if pager.request.after else 0
        found = ITEMS[start : start + pager.request.limit]
        following = start + len(found)
        return pager.page(PageOf(items=found, next_after=(str(following),) if following < len(ITEMS) else None))

    @door.get("/others", permission="contacts:read", summary="Another list")
    async def others(ctx: Caller, pager: Pager) -> Page[int]:
        return pager.page(PageOf(items=(), next_after=None))

    @door.get("/search", permission=AUTHENTICATED, summary="With a parameter of its own")
    async def search(ctx: Caller, q: Annotated[str | None, Query(max_length=50)] = None, count: int = 1) -> dict[str, str]:
        return {"q": q or "", "locale": ctx.locale, "ip": ctx.ip or ""}

    @door.get("/open", permission=PUBLIC, summary="For anybody")
    async def opened(ctx: Caller) -> dict[str, str]:
        return {"ip": ctx.ip or "", "locale": ctx.locale}

    @door.patch("/versions/{id}", permission="contacts:write", summary="Guarded by its version")
    async def change(ctx: Caller, id: int, expected: ExpectedVersion, response: Response) -> dict[str, int]:  # noqa: A002
        if expected not in (None, 3):
            raise PreconditionFailed(version=3)
        tag_version(response, 4)
        return {"id": id}


def _writing(probe: Probe) -> None:
    door = probe.door

    @door.post("/knocks", permission="contacts:write", status=201, summary="Read a body")
    async def knock(ctx: Caller, body: Knock) -> Knocked:
        probe.bodies.append(body)
        return Knocked(id=new_id(), name=body.name)

    @door.post("/effects", permission="contacts:write", status=201, key_use="required", summary="Have an effect once")
    async def effect(ctx: Caller, body: Knock) -> Knocked:
        probe.arrived.set()
        await probe.wait.wait()
        if probe.fails_with is not None:
            raise probe.fails_with
        made = Knocked(id=new_id(), name=body.name)
        async with ctx.transaction("identity") as tx:
            await publish(tx, Probed())
            await conclude(tx, made)
        if probe.fails_after_the_effect is not None:
            raise probe.fails_after_the_effect
        return made

    @door.delete("/effects/{id}", permission="contacts:write", status=204, summary="Nothing to say")
    async def remove(ctx: Caller, id: int) -> Response:  # noqa: A002
        return Response(status_code=204)


def _failing(probe: Probe) -> None:
    door = probe.door

    @door.get("/refusals/{status}", permission=PUBLIC, summary="Be refused")
    async def refuse(ctx: Caller, status: int) -> None:
        raise REFUSALS_BY_STATUS[status]

    @door.get("/faults", permission=PUBLIC, summary="A fault of ours")
    async def fault(ctx: Caller) -> None:
        raise ZeroDivisionError("secret-in-a-fault")

    @door.get("/unknown-outcomes", permission=PUBLIC, summary="Nobody knows")
    async def unknown(ctx: Caller) -> None:
        raise UnknownOutcome(detail="secret-in-an-outcome")
