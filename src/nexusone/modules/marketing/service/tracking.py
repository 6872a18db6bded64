"""Opens and clicks: answered from memory, written to the spool, brought into the database by the flusher beside the API."""

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cached_property, partial
from uuid import UUID

from nexusone.kernel.errors import NotFound
from nexusone.kernel.ids import new_id
from nexusone.modules.marketing.domain.hit_counts import count_hits
from nexusone.modules.marketing.domain.hits import Hit, HitKind, Visit, unpack
from nexusone.modules.marketing.domain.links import Link
from nexusone.modules.marketing.domain.tokens import Purpose, SigningKey, Token, read
from nexusone.modules.marketing.service.link_targets import values_for
from nexusone.modules.marketing.service.tracking_keys import verifying_keys
from nexusone.modules.marketing.store import engagement
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.spool import Spool
from nexusone.platform.spool_flushing import flushing
from nexusone.platform.vault import MasterKeys

CACHED_MESSAGES_MAX = 2_000
IP_HASH_BYTES = 16

LinksByNumber = Mapping[int, Link]


class Tracker:
    """What one process keeps between hits: the spool, the keys, the links of the messages that were last clicked."""

    def __init__(self, settings: PlatformSettings, keys: MasterKeys) -> None:
        self.spool = Spool(settings.data / "spool" / "tracking")
        self._keys = keys
        self._links: OrderedDict[tuple[UUID, UUID], LinksByNumber] = OrderedDict()
        self._loading: dict[tuple[UUID, UUID], asyncio.Task[LinksByNumber]] = {}

    def read_token(self, token: str, purpose: Purpose) -> Token:
        """What a token says.

        Raises:
            NotFound: it is forged, or was made for something else.
        """
        said = read(token, self._signing_keys)
        if said is None or said.purpose is not purpose:
            raise NotFound(what="address")
        return said

    def hash_ip(self, workspace_id: UUID, ip: str) -> bytes:
        """The same 16 bytes for the same address in one workspace, others in another."""
        return hmac.digest(self._ip_key, workspace_id.bytes + ip.encode(), "sha256")[:IP_HASH_BYTES]

    def use_keys(self, keys: MasterKeys) -> None:
        """Goes on with other master keys."""
        self._keys = keys
        for derived in ("_signing_keys", "_ip_key"):
            self.__dict__.pop(derived, None)

    async def links_of(self, ctx: Context, *, message_id: UUID) -> LinksByNumber:
        """The links of a message; the database is asked once, however many wait for the answer."""
        place = (ctx.workspace, message_id)
        if (known := self._links.get(place)) is not None:
            self._links.move_to_end(place)
            return known
        if (loading := self._loading.get(place)) is None:
            loading = self._loading[place] = asyncio.create_task(_load_links(ctx, message_id))
            loading.add_done_callback(partial(self._keep, place))
        # One visitor who hangs up must not cancel what the others wait for.
        return await asyncio.shield(loading)

    def _keep(self, place: tuple[UUID, UUID], loaded: "asyncio.Task[LinksByNumber]") -> None:
        del self._loading[place]
        if loaded.cancelled() or loaded.exception() is not None or not loaded.result():
            return
        self._links[place] = loaded.result()
        if len(self._links) > CACHED_MESSAGES_MAX:
            self._links.popitem(last=False)

    @cached_property
    def _signing_keys(self) -> dict[int, SigningKey]:
        return verifying_keys(self._keys)

    @cached_property
    def _ip_key(self) -> bytes:
        return self._keys.derive("tracking.ip")


def record_open(ctx: Context, *, token: str, user_agent: str, is_machine: bool) -> None:
    """Takes an open up; the database has it some 100 ms later.

    Raises:
        NotFound: a forged token.
    """
    tracker = ctx.port(Tracker)
    _spool_hit(ctx, tracker.read_token(token, Purpose.OPEN), HitKind.OPEN, user_agent=user_agent, is_machine=is_machine)


async def follow_link(ctx: Context, *, token: str, user_agent: str, is_machine: bool) -> str:
    """Where a tracked link leads, http or https only; takes the click up like an open.

    Raises:
        NotFound: a forged token, or a link that leads nowhere.
        Unavailable: the link is not in memory and the database does not answer.
    """
    tracker = ctx.port(Tracker)
    said = tracker.read_token(token, Purpose.CLICK)
    inside = ctx.for_workspace(said.delivery.workspace_id)
    link = (await tracker.links_of(inside, message_id=said.delivery.message_id)).get(said.link)
    if link is None:
        raise NotFound(what="address")
    address = link.resolve({} if link.is_static else await values_for(inside, delivery=said.delivery))
    if address is None:
        raise NotFound(what="address")
    _spool_hit(ctx, said, HitKind.CLICK, user_agent=user_agent, is_machine=is_machine)
    return address


async def record_hits(runtime: Runtime, records: Sequence[bytes]) -> None:
    """Brings spooled hits into the database, once each, one transaction per workspace.

    Raises:
        Unavailable: the database does not answer; all may be brought again.
    """
    by_workspace: dict[UUID, list[Hit]] = {}
    for hit in map(unpack, records):
        by_workspace.setdefault(hit.delivery.workspace_id, []).append(hit)
    for workspace_id, hits in by_workspace.items():
        await _record_in_workspace(runtime.system(workspace_id), hits)


@asynccontextmanager
async def flushing_hits(runtime: Runtime) -> AsyncIterator[None]:
    """Runs beside the API: brings hits into the database every 100 ms, also those that a dead process left."""
    async with flushing(runtime.port(Tracker).spool, partial(record_hits, runtime)):
        yield


def _spool_hit(ctx: Context, said: Token, kind: HitKind, *, user_agent: str, is_machine: bool) -> None:
    tracker = ctx.port(Tracker)
    visit = Visit(user_agent, is_machine, tracker.hash_ip(said.delivery.workspace_id, ctx.ip or ""))
    hit = Hit(id=new_id(), kind=kind, delivery=said.delivery, link=said.link, occurred_at=ctx.now(), visit=visit)
    tracker.spool.append(hit.pack())


async def _record_in_workspace(ctx: Context, hits: Sequence[Hit]) -> None:
    async def record(tx: Transaction) -> None:
        fresh = await engagement.insert_hits(tx, hits, workspace_id=ctx.workspace)
        if counts := count_hits(hit for hit in hits if hit.id in fresh):
            await engagement.count_hits(tx, counts, workspace_id=ctx.workspace)

    await ctx.atomically("marketing", record)


async def _load_links(ctx: Context, message_id: UUID) -> LinksByNumber:
    async with ctx.transaction("marketing") as tx:
        found = await engagement.list_links(tx, workspace_id=ctx.workspace, message_id=message_id)
    return {row.position: Link(index=row.position, target=row.url) for row in found}
