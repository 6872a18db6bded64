"""Security events of the gate in the audit trail: refused access, spent limits, input that was not believed.

They are written where a request is refused anyway, so that requests that succeed pay nothing.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from nexusone.kernel.errors import Forbidden, InvalidRequest, RateLimited, Refusal, Unauthenticated, Unavailable, Unprocessable
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.platform.audit import record_apart
from nexusone.platform.runtime import Context

# Who floods is told once a minute and operation; refused permissions are told each time, the caller's limit bounds them.
TOLD_AGAIN_AFTER = timedelta(minutes=1)
REMEMBERED_MAX = 4096

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class SecurityTrail:
    """What one process remembers having told."""

    _told: OrderedDict[tuple[UUID | None, str, str, str], datetime] = field(default_factory=OrderedDict)

    async def note(self, ctx: Context, refusal: Refusal, *, operation: str) -> None:
        """Writes what a refusal says of security; other refusals, and a database that is away, leave no trace here but a log line."""
        action = action_of(refusal)
        if action is None or (action != "access.forbidden" and not self._is_news(action, operation, ctx)):
            return
        try:
            await record_apart(ctx, action=action, object_kind="operation", object_id=operation, after=_told_of(refusal))
        except (Unavailable, UnknownOutcome) as error:
            _log.error("audit.unwritten", action=action, operation=operation, error=repr(error))

    def _is_news(self, action: str, operation: str, ctx: Context) -> bool:
        who = ctx.principal.label if ctx.principal.id else ctx.ip or ""
        place, now = (ctx.workspace_id, action, operation, who), ctx.now()
        if (last := self._told.get(place)) is not None and now - last < TOLD_AGAIN_AFTER:
            return False
        self._told[place] = now
        self._told.move_to_end(place)
        if len(self._told) > REMEMBERED_MAX:
            self._told.popitem(last=False)
        return True


def action_of(refusal: Refusal) -> str | None:
    """The action under which a refusal stands in the trail; None where it is none of security's."""
    if isinstance(refusal, Forbidden):
        return "access.forbidden"
    if isinstance(refusal, RateLimited):
        return "access.rate_limited"
    if isinstance(refusal, Unauthenticated):
        return "access.unauthenticated"
    if isinstance(refusal, Unprocessable | InvalidRequest) and type(refusal) in (Unprocessable, InvalidRequest):
        return "access.invalid_input"
    return None


def _told_of(refusal: Refusal) -> dict[str, object]:
    fields = [f"{error.pointer} {error.code}" for error in refusal.errors[:10]]
    known: dict[str, object] = {name: refusal.data[name] for name in ("permission", "violated_policies", "reason") if name in refusal.data}
    told: dict[str, object] = {"code": refusal.code, **known}
    return {**told, "fields": fields} if fields else told
