"""Is it alive, is it ready, how is it doing: the doors that balancers and Prometheus knock at."""

import hmac
from typing import Literal

from fastapi import Request
from starlette.responses import Response

from nexusone.kernel.contract import Contract
from nexusone.kernel.errors import NotFound, Unavailable
from nexusone.platform.settings import PlatformSettings
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC

door = Door("health", prefix="")

METRICS_STATE = "render_metrics"


class Health(Contract):
    """The state of one process."""

    status: Literal["ok"]


class NotReady(Unavailable):
    """The process runs but cannot serve: its database does not answer."""

    code = "service.not_ready"


@door.get("/livez", permission=PUBLIC, cost=0, summary="Whether the process runs")
async def livez() -> Health:
    return Health(status="ok")


@door.get("/readyz", permission=PUBLIC, cost=0, summary="Whether the process can serve", refusals=(NotReady,))
async def readyz(ctx: Caller) -> Health:
    if not await ctx.runtime.database.is_ready():
        raise NotReady(headers={"Retry-After": "2"})
    return Health(status="ok")


@door.get("/metrics", permission=PUBLIC, cost=0, summary="Metrics for Prometheus", is_listed=False)
async def metrics(ctx: Caller, request: Request) -> Response:
    settings = ctx.setting(PlatformSettings)
    wanted = f"Bearer {settings.metrics_token}"
    given = request.headers.get("authorization", "")
    if settings.mode == "live" and not (settings.metrics_token and hmac.compare_digest(given.encode(), wanted.encode())):
        raise NotFound(what="path")
    body, content_type = getattr(request.app.state, METRICS_STATE)()
    return Response(body, media_type=content_type)
