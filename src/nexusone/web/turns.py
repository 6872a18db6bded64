"""Turns: one caller's requests take a few places of a process at once, and who is over a limit is told so without asking the database.

What is exact over all processes is counted in PostgreSQL; this keeps one caller's crowd from standing in everybody's way.
"""

import asyncio
import math
import random
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import blake2b

from nexusone.kernel.errors import RateLimited

WAITING_MAX = 500
REMEMBERED_MAX = 10_000
RESETS_IN = re.compile(r"\bt=(\d+)")

Clock = Callable[[], float]


class _Line:
    """A caller's places, and how many hold or want one."""

    __slots__ = ("members", "places")

    def __init__(self, at_once: int) -> None:
        self.places = asyncio.Semaphore(at_once)
        self.members = 0


class Turns:
    """One a process. A caller is whatever text tells one from another: a credential, a workspace."""

    def __init__(self, at_once: int, *, clock: Clock = time.monotonic) -> None:
        self._at_once = at_once
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._over: dict[str, tuple[int, float, float, RateLimited]] = {}

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Waits until fewer than `at_once` of the caller's are inside, first come, first served.

        Raises:
            RateLimited: hundreds of the caller's wait already.
        """
        line = self._lines.setdefault(caller, _Line(self._at_once))
        if line.members >= self._at_once + WAITING_MAX:
            raise RateLimited(headers={"Retry-After": "1"}, violated_policies=["at-once"], wait_seconds=1)
        line.members += 1
        try:
            async with line.places:
                yield
        finally:
            line.members -= 1
            if line.members == 0:
                del self._lines[caller]

    def remember(self, caller: str, *, cost: int, refusal: RateLimited) -> None:
        """Until the window ends, what costs as much or more is refused again."""
        now = self._clock()
        if len(self._over) >= REMEMBERED_MAX:
            self._over = {known: entry for known, entry in self._over.items() if entry[2] > now}
        if len(self._over) < REMEMBERED_MAX:
            self._over[caller] = (cost, now, now + int(str(refusal.data["wait_seconds"])), refusal)

    def refuse_again(self, caller: str, *, cost: int) -> None:
        """Nothing, or the refusal of before with what is left of its time.

        Raises:
            RateLimited: the caller is over a limit that has not ended yet.
        """
        known = self._over.get(caller)
        if known is None:
            return
        refused_cost, since, ends_at, refusal = known
        now = self._clock()
        if now >= ends_at:
            del self._over[caller]
            return
        if cost < refused_cost:
            return
        passed, left = int(now - since), math.ceil(ends_at - now)
        headers = dict(refusal.headers)
        headers["RateLimit"] = RESETS_IN.sub(lambda found: f"t={max(1, int(found[1]) - passed)}", headers["RateLimit"])
        headers["Retry-After"] = str(left + random.randint(0, max(1, left // 10)))  # noqa: S311 - jitter, not a secret
        raise RateLimited(headers=headers, violated_policies=refusal.data["violated_policies"], wait_seconds=left)


def caller_of(credential: str) -> str:
    """A name for whoever shows this credential, from which it cannot be had back."""
    return blake2b(credential.encode(), digest_size=16).hexdigest()
